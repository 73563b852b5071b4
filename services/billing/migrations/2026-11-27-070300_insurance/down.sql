DROP TABLE insurance;
