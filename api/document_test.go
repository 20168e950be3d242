package api_test

import (
	"testing"

	"freshet/api"
)

func TestDocument(t *testing.T) {
	doc, err := api.Document()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(doc))
}
