"""The standard routes: which kinds of event go to which kind of connector."""
