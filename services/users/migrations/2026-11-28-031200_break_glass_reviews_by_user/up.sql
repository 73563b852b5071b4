-- What one doctor or nurse did, the newest first.
CREATE INDEX CONCURRENTLY break_glass_reviews_by_user ON break_glass_reviews (user_id, id);
