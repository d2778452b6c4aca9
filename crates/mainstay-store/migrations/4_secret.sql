-- Keys that this installation made for itself. They grant what they sign, so nothing prints them.
CREATE TABLE secret (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
