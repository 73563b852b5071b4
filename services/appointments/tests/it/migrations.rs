//! The migrations of this service and of what it is made of share one list.

use std::collections::BTreeSet;

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;

#[test]
fn no_two_migrations_have_one_number() {
    let mut numbers = BTreeSet::new();
    for source in appointments::migrations() {
        let migrations: Vec<Box<dyn Migration<Pg>>> = source.migrations().unwrap();
        for migration in migrations {
            let name = migration.name();
            assert!(numbers.insert(name.version().to_string()), "{name} would never be applied: its number is taken");
        }
    }
}
