package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Every package says what it is for.
func TestEveryPackageHasADoc(t *testing.T) {
	documented := map[string]bool{}
	for _, root := range []string{"cmd", "internal", "bench", "conformance"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				return err
			}
			dir := filepath.Dir(path)
			documented[dir] = documented[dir] || file.Doc.Text() != ""
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(documented) < 20 {
		t.Fatalf("found only %d packages", len(documented))
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no package doc", dir)
		}
	}
}
