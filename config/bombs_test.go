package config_test

import (
	"fmt"
	"strings"
)

// laughs is a list of lists of lists, each eight times the one before.
func laughs(levels int) string {
	text := "a0: &a0 [x]\n"
	for i := range levels {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 8), ", "))
	}
	return text
}

func deepBlock(levels int) string {
	var text strings.Builder
	for i := range levels {
		text.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return text.String()
}
