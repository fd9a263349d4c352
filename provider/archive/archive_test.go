package archive_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/archive"
)

// contents are the files of an archive by path.
func contents(ctx context.Context, limits archive.Limits, paths ...string) (map[string]string, error) {
	a, err := archive.Open(ctx, paths, limits)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	err = a.Walk(ctx, nil, func(f archive.File) error {
		in, err := f.Open()
		if err != nil {
			return err
		}
		text, err := io.ReadAll(in)
		files[f.Path] = string(text)
		if err == nil && f.Size != int64(len(text)) {
			err = errors.New("the size is wrong")
		}
		return errors.Join(err, in.Close())
	})
	return files, errors.Join(err, a.Close())
}

func TestTheSameFilesFromEveryKindOfArchive(t *testing.T) {
	all := sample()
	want := map[string]string{}
	for _, f := range all {
		if !strings.Contains(f.name, "._") && !strings.Contains(f.name, ".DS_Store") {
			want[f.name] = f.text
		}
	}
	if len(want) != 3 {
		t.Fatalf("the sample has %d files", len(want))
	}
	for kind, paths := range map[string][]string{
		"zip":            {saved(t, "upload", zipOf(t, all...))},
		"tgz":            {saved(t, "upload", gzipOf(t, tarOf(t, all...)))},
		"tar":            {saved(t, "upload", tarOf(t, all...))},
		"folder":         {unpacked(t, all...)},
		"parts":          {saved(t, "a.zip", zipOf(t, all[:1]...)), saved(t, "b.tgz", gzipOf(t, tarOf(t, all[1:4]...))), unpacked(t, all[4:]...)},
		"backslashes":    {saved(t, "w.zip", zipOf(t, windows(all)...))},
		"tgz in members": {saved(t, "upload", slices.Concat(gzipOf(t, tarOf(t, all...)[:512]), gzipOf(t, tarOf(t, all...)[512:])))},
	} {
		got, err := contents(t.Context(), archive.Limits{}, paths...)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: got %q, error %v", kind, slices.Sorted(maps.Keys(got)), err)
		}
	}
	page := filepath.Join(unpacked(t, all...), filepath.FromSlash(all[0].name))
	got, err := contents(t.Context(), archive.Limits{}, page)
	if err != nil || !maps.Equal(got, map[string]string{"exercise-0.json": all[0].text}) {
		t.Errorf("single file: got %q, error %v", got, err)
	}
}

func windows(files []named) []named {
	var out []named
	for _, f := range files {
		out = append(out, named{strings.ReplaceAll(f.name, "/", `\`), f.text})
	}
	return out
}

func TestFilesComeInOrderAcrossParts(t *testing.T) {
	byBase := func(f archive.File) string { return f.Base }
	a, err := archive.Open(t.Context(), []string{
		saved(t, "1.zip", zipOf(t, named{"d", ""}, named{"b", ""})),
		saved(t, "2.tgz", gzipOf(t, tarOf(t, named{"f", ""}, named{"e", ""}))),
		saved(t, "3.zip", zipOf(t, named{"c", ""}, named{"a", ""})),
	}, archive.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for range 2 { // a stream is read anew
		var order string
		if err := a.Walk(t.Context(), byBase, func(f archive.File) error { order += f.Base; return nil }); err != nil {
			t.Fatal(err)
		}
		if order != "abcdfe" {
			t.Errorf("the order is %s", order)
		}
	}
}

func TestAWalkEndsWithItsVisitorAndItsContext(t *testing.T) {
	enough := errors.New("enough")
	for _, path := range []string{saved(t, "a.zip", zipOf(t, sample()...)), saved(t, "a.tgz", gzipOf(t, tarOf(t, sample()...)))} {
		a, err := archive.Open(t.Context(), []string{path}, archive.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		if err := a.Walk(t.Context(), nil, func(archive.File) error { count++; return enough }); !errors.Is(err, enough) || count != 1 {
			t.Errorf("%d visits, error %v", count, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if err := a.Walk(ctx, nil, func(archive.File) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("after its end the context gave %v", err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}
