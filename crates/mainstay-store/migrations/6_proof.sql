-- Which channels were shown to work, and which signs of life came: a handful of rows, read whole at start.
CREATE TABLE channel_record (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);
CREATE TABLE heartbeat_record (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);
