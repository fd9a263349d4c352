package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
)

// freshDatabase makes an empty database of a name, in place of the one that had it.
func (s *stores) freshDatabase(ctx context.Context, name string) (*pgxpool.Pool, error) {
	db, err := pgx.Connect(ctx, s.databaseURL)
	if err != nil {
		return nil, err
	}
	defer db.Close(ctx)
	for _, sql := range []string{"DROP DATABASE IF EXISTS %s WITH (FORCE)", "CREATE DATABASE %s"} {
		if _, err := db.Exec(ctx, fmt.Sprintf(sql, pgx.Identifier{name}.Sanitize())); err != nil {
			return nil, err
		}
	}
	return s.openDatabase(ctx, name)
}

func (s *stores) openDatabase(ctx context.Context, name string) (*pgxpool.Pool, error) {
	u, err := url.Parse(s.databaseURL)
	if err != nil {
		return nil, err
	}
	u.Path = "/" + name
	return postgres.Open(ctx, u.String(), postgres.Options{ApplicationName: name, MaxConns: 16})
}

// settle writes out what earlier measurements left in Postgres's buffers.
func (s *stores) settle(ctx context.Context) error {
	db, err := pgx.Connect(ctx, s.databaseURL)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	_, err = db.Exec(ctx, "CHECKPOINT")
	return err
}
