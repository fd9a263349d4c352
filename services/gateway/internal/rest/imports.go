package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/imports"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

const (
	importsPath     = "/api/v1/imports/"
	startImportPath = "/api/v1/users/:user_id/imports"
	// maxField is far above the longest value of a form's field.
	maxField = 100
)

// startImport answers the one route whose body is a file. The contract has been
// checked, and the body is an upload.
func (s *server) startImport(c *gin.Context) {
	i, err := s.takeImport(c)
	if err != nil {
		refuse(c, err)
		return
	}
	c.Header("Location", importsPath+i.ID.String())
	c.JSON(http.StatusAccepted, shownImport(i))
}

func (s *server) takeImport(c *gin.Context) (imports.Import, error) {
	user, err := uuid.Parse(c.Param("user_id"))
	if err != nil {
		return imports.Import{}, problem.InvalidField("user_id", "must be a UUID")
	}
	if err := s.users.MustExist(c, user); err != nil {
		return imports.Import{}, err
	}
	q := imports.Request{UserID: user, Kind: c.Query("kind"), DryRun: c.Query("dry_run") == "true", TimeZone: c.Query("timezone")}
	files := body(c.Request.Body)
	if c.ContentType() == "multipart/form-data" {
		parts, err := c.Request.MultipartReader()
		if err != nil {
			return imports.Import{}, broken(err)
		}
		files = s.form(parts)
	}
	return s.imports.Accept(c, q, files)
}

// body is a request's body as the only file.
func body(content io.Reader) imports.Files {
	given := false
	return func(*imports.Request) (string, io.Reader, error) {
		if given || content == nil {
			return "", nil, io.EOF
		}
		given = true
		return "", content, nil
	}
}

// form gives the files of a form and takes the fields before them.
func (s *server) form(parts *multipart.Reader) imports.Files {
	files := 0
	return func(r *imports.Request) (string, io.Reader, error) {
		for {
			part, err := parts.NextPart()
			switch {
			case errors.Is(err, io.EOF):
				return "", nil, io.EOF
			case err != nil:
				return "", nil, broken(err)
			case part.FormName() == "file" && part.FileName() == "":
				return "", nil, problem.InvalidField("file", "is a field of the form and no file: send it with a file name")
			case part.FormName() == "file":
				files++
				name, err := fileName(part)
				return name, part, err
			case files > 0:
				return "", nil, problem.InvalidField(short(part.FormName()), "comes after a file: send the fields of the form before its files")
			}
			if err := s.field(r, part); err != nil {
				return "", nil, err
			}
		}
	}
}

// longestName is the most bytes that a file's name has on the systems that people use.
const longestName = 255

// fileName is the name that a client gives a file, without folders. It is shown in the
// report, and tells what a single file of an export is.
func fileName(part *multipart.Part) (string, error) {
	name := part.FileName()
	switch {
	case len(name) > longestName:
		return "", problem.InvalidField("file", fmt.Sprintf("has a name of more than %d bytes: send it with a shorter one", longestName))
	case !utf8.ValidString(name):
		return "", problem.InvalidField("file", "has a name that is not UTF-8: send it with another one")
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", problem.InvalidField("file", "has a control character in its name: send it with another one")
	}
	return name, nil
}

// broken is the fault of a form that cannot be read, unless it is too large.
func broken(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return errors.Join(err, problem.InvalidField("body", "is not a well-formed form").Because(err))
}

// field takes a field of the form as the query's parameter of that name.
func (s *server) field(r *imports.Request, part *multipart.Part) error {
	text, err := io.ReadAll(io.LimitReader(part, maxField))
	if err != nil {
		return broken(err)
	}
	value := string(text)
	switch name := part.FormName(); name {
	case "kind", "dry_run", "timezone":
		if faults := s.fields.CheckQuery(url.Values{name: {value}}.Encode()); len(faults) > 0 {
			return problem.Invalid(faults...)
		}
		switch name {
		case "kind":
			r.Kind = value
		case "timezone":
			r.TimeZone = value
		default:
			r.DryRun = value == "true"
		}
	default:
		return problem.InvalidField(short(name), "is not a field of this form; known are kind, dry_run, timezone, file")
	}
	return nil
}

// short keeps a stranger's name for a field short enough to be repeated.
func short(name string) string {
	if len(name) > maxField || name == "" {
		return "form"
	}
	return name
}

// ListImports implements the generated interface.
func (s *server) ListImports(ctx context.Context, r api.ListImportsRequestObject) (api.ListImportsResponseObject, error) {
	if err := s.users.MustExist(ctx, r.UserID); err != nil {
		return nil, err
	}
	list, page, total, err := s.imports.List(ctx, r.UserID, or(r.Params.Cursor, ""), or(r.Params.Limit, defaultRows))
	if err != nil {
		return nil, err
	}
	data := make([]api.Import, len(list))
	for i, one := range list {
		data[i] = shownImport(one)
	}
	return api.ListImports200JSONResponse{Data: data, Pagination: api.Pagination{
		NextCursor: page.Next, PreviousCursor: page.Previous, HasMore: page.HasMore, TotalCount: total,
	}}, nil
}

// GetImport implements the generated interface.
func (s *server) GetImport(ctx context.Context, r api.GetImportRequestObject) (api.GetImportResponseObject, error) {
	i, err := s.imports.Get(ctx, r.ImportID)
	if err != nil {
		return nil, err
	}
	return api.GetImport200JSONResponse(shownImport(i)), nil
}

func shownImport(i imports.Import) api.Import {
	r := i.Report
	out := api.Import{
		ImportID: i.ID, UserID: i.UserID, Provider: i.Provider, Kind: i.Kind, Status: api.ImportStatus(i.Status), DryRun: i.DryRun,
		Timezone: orNull(i.TimeZone), RequestedAt: i.RequestedAt.UTC(), StartedAt: utc(i.StartedAt), FinishedAt: utc(i.FinishedAt),
		Progress: api.ImportProgress(r.Progress),
		Counts: api.ImportCounts{
			Found: r.Counts.Found, Imported: r.Counts.Imported, AlreadyThere: r.Counts.AlreadyThere, Enriched: r.Counts.Enriched,
			Skipped: r.Counts.Skipped, Rejected: r.Counts.Rejected, Superseded: r.Counts.Superseded,
			Restated: r.Counts.Restated,
		},
		Files: make([]api.ImportFile, len(r.Files)), UnknownFiles: orEmpty(r.Unknown), Notes: orEmpty(r.Notes),
	}
	if r.Range != nil {
		out.DateRange = &api.ImportRange{From: r.Range.From.UTC(), To: r.Range.To.UTC()}
	}
	if i.Error != nil {
		out.Error = &api.ImportError{Code: i.Error.Code, Message: i.Error.Message}
	}
	for n, f := range r.Files {
		out.Files[n] = api.ImportFile{
			Name: f.Name, Kind: f.Kind, Found: f.Found, Imported: f.Imported, AlreadyThere: f.AlreadyThere,
			Enriched: f.Enriched, Rejected: f.Rejected, Skipped: f.Skipped, Problem: orNull(f.Problem),
		}
		if f.Skipped == nil {
			out.Files[n].Skipped = map[string]int{}
		}
	}
	return out
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
