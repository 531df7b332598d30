"""Random changes of a stack, previewed and deployed: does the review say what the cloud then holds?"""
