"""What runs inside the lab's virtual environment: the five services, the seed and the drivers that stand in for hardware."""
