DROP TABLE break_glass_grants;
DROP FUNCTION break_glass_grants_stay();
