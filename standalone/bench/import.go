package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/clouds"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/standalone/internal/demo"
)

const (
	goalImport      = 0.4
	goalImportBytes = 150 << 20 // resident, at most
	importBytes     = 1 << 30   // of the archive, unpacked
	importExercises = 20_000
	// childImport is the first argument of the process that imports. It is a process
	// of its own, so that its memory is not that of whoever made the archive.
	childImport = "import"
)

// importArchive measures an import of an archive of 1 GB: read, joined, compared
// with the log, published in atomic pages, each on disk. The limit is the plain program
// that unpacks and decodes, once, the files that the import reads, and keeps nothing.
// Unpacking the whole archive is shown beside it and proves little: the import does not
// read most of it.
func importArchive(ctx context.Context, s *stores, out io.Writer, _ *slog.Logger) error {
	archive, err := demo.NewExport(demo.Sample{Years: 10, ExportOptions: simulator.ExportOptions{Exercises: importExercises, Bytes: importBytes}}, time.Now())
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, "takeout.zip")
	if err := archive.Save(path); err != nil {
		return err
	}
	size, err := os.Stat(path)
	if err != nil {
		return err
	}
	i := &importing{stores: s, path: path, exercises: len(archive.Days())}
	product := &variant{name: "product", run: i.product}
	plain := &variant{name: "unzip + decode, files of records", run: i.bare(unpackRecords)}
	whole := &variant{name: "the same, all files", run: i.bare(unpackAll)}
	if err := interleave(ctx, s, product, plain, whole); err != nil {
		return err
	}
	fmt.Fprintf(out, `import of %d exercises out of an archive of %d MB, %d MB packed, %d rounds, each for a new user
  product: the command's import in a process of its own: looks through the archive, reads entries and rows, joins them, hashes,
    compares with the log, publishes atomic pages that are on disk when they are acknowledged, stores progress and report.
  unzip + decode, files of records: one pass over the files that the import reads; each entry of exercise-*.json by encoding/json
    into map[string]any, each row of UserExercises_*.csv by encoding/csv. No second pass, no join, hash, log or disk; nothing is kept.
  the same, all files: every other JSON file of the archive is decoded too, and what is not JSON is unpacked. The import skips
    those files, so this says only that it does not pay for them.
`, i.exercises, importBytes>>20, size.Size()>>20, s.rounds)
	table(out, "exercises", product, plain, whole)
	goal(out, product, plain, goalImport)
	fmt.Fprintf(out, "  %s / %s: %s\n", product.name, whole.name, spread(product.ratios(whole), "%.2f"))
	fmt.Fprintf(out, "  memory of the importing process: at most %d MB resident: %s; goal under %d MB\n",
		i.memory>>20, map[bool]string{true: "met", false: "MISSED"}[i.memory < goalImportBytes], goalImportBytes>>20)
	return nil
}

// importing is what the variants share.
type importing struct {
	stores    *stores
	path      string
	exercises int
	memory    int64 // resident, the most of all rounds
}

// importOrder is what the importing process is told.
type importOrder struct{ DatabaseURL, NATSURL, Path string }

// importResult is what it answers.
type importResult struct {
	Status   string
	Imported int
	Memory   int64
}

// product imports in a child, which stays until its CPU time was read.
func (i *importing) product(ctx context.Context, start, stop func()) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	order, err := json.Marshal(importOrder{i.stores.databaseURL, i.stores.natsURL, i.path})
	if err != nil {
		return 0, err
	}
	child := exec.CommandContext(ctx, self, childImport, string(order))
	child.Stderr = os.Stderr
	orders, err := child.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	i.stores.importer = child.Process.Pid
	answers := bufio.NewReader(stdout)
	if _, err := answers.ReadString('\n'); err != nil {
		return 0, errors.Join(err, child.Wait())
	}
	start()
	if _, err := fmt.Fprintln(orders, "go"); err != nil {
		return 0, err
	}
	var done importResult
	if err := json.NewDecoder(answers).Decode(&done); err != nil {
		return 0, errors.Join(err, child.Wait())
	}
	stop()
	i.memory = max(i.memory, done.Memory)
	if done.Status != "success" || done.Imported != i.exercises {
		return 0, fmt.Errorf("the import ended as %s with %d of %d exercises", done.Status, done.Imported, i.exercises)
	}
	return done.Imported, errors.Join(orders.Close(), child.Wait())
}

// runImport is the process that product starts.
func runImport(ctx context.Context) error {
	var o importOrder
	if err := json.Unmarshal([]byte(os.Args[2]), &o); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	db, err := postgres.Open(ctx, o.DatabaseURL, postgres.Options{ApplicationName: "bench-import", MaxConns: 4})
	if err != nil {
		return err
	}
	defer db.Close()
	b, err := openBus(ctx, o.NATSURL, "bench-import", log)
	if err != nil {
		return err
	}
	defer b.Conn().Close()
	exports, _ := clouds.Exports()
	service, err := poller.New(poller.Config{Log: log, DB: db, Bus: b, InitialDays: 1, Importers: catalog.Importers(), Normalizers: catalog.Normalizers()})
	if err != nil {
		return err
	}
	orders := bufio.NewReader(os.Stdin)
	fmt.Println("ready")
	if _, err := orders.ReadString('\n'); err != nil {
		return err
	}
	done, err := service.Import(ctx, poller.Import{UserID: uuid.NewString(), Kind: exports.Kind, Paths: []string{o.Path}}, nil)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(importResult{done.Status, done.Counts.Imported, peakMemory()}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, orders) // until the parent has looked
	return err
}
