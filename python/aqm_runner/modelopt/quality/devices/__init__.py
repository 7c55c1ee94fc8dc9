"""Plans and searches shared out over the devices of a job, each with a copy of the model."""
