//! Whom of ours another system means.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::ExternalPractitioner;

use crate::schema::staff;

/// The first doctor of ours among those that a message names: by the number in the medical register, or by a name that no
/// other doctor has.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn doctor(conn: &mut AsyncPgConnection, named: &[ExternalPractitioner]) -> QueryResult<Option<i64>> {
    if named.is_empty() {
        return Ok(None);
    }
    let doctors: Vec<(i64, String, String)> = staff::table
        .filter(staff::role.eq("DOCTOR").and(staff::is_active.eq(true)))
        .select((staff::id, staff::name, staff::registration_number))
        .order(staff::id)
        .limit(10_000)
        .load(conn)
        .await?;
    Ok(named.iter().find_map(|named| one_of(&doctors, named)))
}

fn one_of(doctors: &[(i64, String, String)], named: &ExternalPractitioner) -> Option<i64> {
    let number = plain(&named.id);
    let by_number = doctors.iter().find(|(_, _, register)| !number.is_empty() && plain(register) == number);
    if let Some((id, ..)) = by_number {
        return Some(*id);
    }
    let wanted = words(&named.name);
    let mut same = doctors.iter().filter(|(_, name, _)| !wanted.is_empty() && words(name) == wanted);
    match (same.next(), same.next()) {
        (Some((id, ..)), None) => Some(*id),
        _ => None,
    }
}

/// Letters and digits alone, in small letters.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The words of a name in order, without title.
fn words(name: &str) -> Vec<String> {
    let words = name.split(|c: char| c.is_whitespace() || c == '.' || c == ',').map(plain);
    let mut words: Vec<String> = words.filter(|word| !word.is_empty() && word != "dr" && word != "prof").collect();
    words.sort();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doctors() -> Vec<(i64, String, String)> {
        [(1, "Asha Rao", "KMC-12345"), (2, "Vikram Sen", ""), (3, "R. Lakshmi", ""), (4, "Vikram Sen", "")]
            .map(|(id, name, register)| (id, name.to_owned(), register.to_owned()))
            .to_vec()
    }

    fn find(id: &str, name: &str) -> Option<i64> {
        let named = ExternalPractitioner { id: id.to_owned(), name: name.to_owned(), authority: String::new() };
        one_of(&doctors(), &named)
    }

    #[test]
    fn a_number_in_the_register_tells_most() {
        assert_eq!(find("kmc 12345", "Somebody Else"), Some(1));
        assert_eq!(find("999", "Dr. Rao, Asha"), Some(1));
        assert_eq!(find("", "Lakshmi R"), Some(3));
    }

    #[test]
    fn a_name_that_two_have_tells_nothing() {
        assert_eq!(find("", "Dr. Vikram Sen"), None);
        assert_eq!(find("", ""), None);
        assert_eq!(find("", "Dr."), None);
    }
}
