DROP TABLE break_glass_reviews;
