//go:build tools

// Package tools names the program that test_workflows.py builds; go.sum pins it and what it is built of, by hash.
package tools

import _ "github.com/rhysd/actionlint/cmd/actionlint"
