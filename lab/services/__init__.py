"""Programs in the lab's virtual environment: the five services, the initial data, and the drivers that replace hardware."""
