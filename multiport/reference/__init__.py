"""The reference of the components and of the stack file, made from their definitions: tables, JSON Schema, Pulumi schema."""
