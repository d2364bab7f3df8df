"""A run as a folder and a process: started, watched, stopped, resumed."""
