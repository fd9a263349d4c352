-- An owner may have several budgets. The first stays in the columns, where earlier
-- programs read and write it; the others are here by name.
ALTER TABLE poller.budgets ADD COLUMN further jsonb NOT NULL DEFAULT '{}';
