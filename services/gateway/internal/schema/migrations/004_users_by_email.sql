-- For lists of the users with an e-mail address, in any case.
CREATE INDEX users_by_email ON gateway.users (lower(email)) WHERE email IS NOT NULL;
