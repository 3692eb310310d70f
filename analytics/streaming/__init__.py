"""The engine past one process: the same steps as stages that hand each other messages."""
