package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Import is an export archive on its way in.
type Import struct {
	ID     string `json:"import_id"`
	UserID string `json:"user_id"`
	Status string `json:"status"`
	DryRun bool   `json:"dry_run"`
	Counts struct {
		Found        int `json:"found"`
		Imported     int `json:"imported"`
		AlreadyThere int `json:"already_there"`
		Enriched     int `json:"enriched"`
		Skipped      int `json:"skipped"`
		Rejected     int `json:"rejected"`
		Superseded   int `json:"superseded"`
		Restated     int `json:"restated"`
	} `json:"counts"`
	Files   []ImportFile `json:"files"`
	Unknown []string     `json:"unknown_files"`
	Notes   []string     `json:"notes"`
	Error   *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// ImportFile is what became of one file, or of all routes.
type ImportFile struct {
	Name     string         `json:"name"`
	Kind     string         `json:"kind"`
	Imported int            `json:"imported"`
	Skipped  map[string]int `json:"skipped"`
	Problem  *string        `json:"problem"`
}

// Ended says whether the import will not change any more.
func (i Import) Ended() bool {
	return i.Status == "success" || i.Status == "partial" || i.Status == "failed"
}

// Reports says whether the report tells a trouble: by a note, as the reason why a
// record was skipped, or, for the word problem, with any file's problem.
func (i Import) Reports(trouble string) bool {
	if slices.Contains(i.Notes, trouble) {
		return true
	}
	for _, f := range i.Files {
		if f.Skipped[trouble] > 0 || trouble == "problem" && f.Problem != nil {
			return true
		}
	}
	return false
}

// Upload is one file of an export archive, by the name a person's browser sends.
type Upload struct {
	Name  string
	Write func(io.Writer) error
}

// Import sends an export archive of a kind and returns the import that it begins. One file
// is the whole body; several are the files of a form.
func (c *Client) Import(ctx context.Context, userID, kind string, dryRun bool, files ...Upload) (Import, error) {
	body, pipe := io.Pipe()
	contentType := "application/zip"
	form := multipart.NewWriter(pipe)
	write := func() error { return files[0].Write(pipe) }
	switch {
	case len(files) != 1:
		contentType, write = form.FormDataContentType(), func() error { return writeForm(form, files) }
	case strings.HasSuffix(files[0].Name, "gz"):
		contentType = "application/gzip"
	}
	go func() { _ = pipe.CloseWithError(write()) }() // its reader gets the error
	defer body.Close()
	q := url.Values{"kind": {kind}, "dry_run": {fmt.Sprint(dryRun)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BaseURL+"/api/v1/users/"+url.PathEscape(userID)+"/imports?"+q.Encode(), body)
	if err != nil {
		return Import{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	req.Header.Set("Content-Type", contentType)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return Import{}, fmt.Errorf("upload an archive: %w", err)
	}
	defer resp.Body.Close()
	return readImport(resp)
}

func writeForm(form *multipart.Writer, files []Upload) error {
	for _, f := range files {
		part, err := form.CreateFormFile("file", filepath.Base(f.Name))
		if err == nil {
			err = f.Write(part)
		}
		if err != nil {
			return err
		}
	}
	return form.Close()
}

func readImport(resp *http.Response) (Import, error) {
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return Import{}, fmt.Errorf("upload an archive: read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusAccepted {
		problem := &Problem{Status: resp.StatusCode, Detail: string(text)}
		_ = json.Unmarshal(text, problem) // not JSON: the text is the detail
		return Import{}, fmt.Errorf("upload an archive: %w", problem)
	}
	var i Import
	return i, errors.Join(json.Unmarshal(text, &i))
}

// GetImport tells how far an import is.
func (c *Client) GetImport(ctx context.Context, id string) (Import, error) {
	var i Import
	return i, c.Call(ctx, http.MethodGet, "/imports/"+url.PathEscape(id), nil, &i)
}

// AwaitImport waits until an import has ended and returns how.
func (c *Client) AwaitImport(ctx context.Context, id string) (Import, error) {
	for {
		i, err := c.GetImport(ctx, id)
		if err != nil || i.Ended() {
			return i, err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return i, fmt.Errorf("import %s is still %s: %w", id, i.Status, err)
		}
	}
}
