-- Which dependency a drill was of; empty for everything that was in earnest.
ALTER TABLE incident ADD COLUMN drill_of TEXT;
CREATE INDEX incident_drill_of ON incident (drill_of, opened_at) WHERE drill_of IS NOT NULL;
