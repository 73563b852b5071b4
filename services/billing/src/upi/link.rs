//! The link itself. Pure.

use std::fmt::Write;

use super::Payee;
use crate::money::Paise;

/// The most characters of a note.
const LONGEST_NOTE: usize = 50;

/// `upi://pay?…` for an amount of an invoice, whose number is the reference.
pub fn link(payee: &Payee, invoice_number: &str, amount: Paise) -> String {
    let note: String = format!("Invoice {invoice_number}").chars().take(LONGEST_NOTE).collect();
    let amount = amount.to_string();
    let values = [
        ("pa", payee.vpa.as_str()),
        ("pn", &payee.name),
        ("tr", invoice_number),
        ("tn", &note),
        ("am", &amount),
        ("cu", "INR"),
    ];
    let mut link = String::from("upi://pay?");
    for (index, (name, value)) in values.into_iter().enumerate() {
        if index > 0 {
            link.push('&');
        }
        link.push_str(name);
        link.push('=');
        encode(&mut link, value);
    }
    link
}

/// Percent-encodes everything that RFC 3986 does not call unreserved, besides the `@` of an address, which apps expect bare.
fn encode(link: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@') {
            link.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(link, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_filled_in() {
        let payee =
            Payee { vpa: "asha@okbank".parse().unwrap(), name: "Asha & Sons' अस्पताल".to_owned() };
        assert_eq!(
            link(&payee, "EHS/2627/000042", Paise::rupees(10)),
            "upi://pay?pa=asha@okbank&pn=Asha%20%26%20Sons%27%20%E0%A4%85%E0%A4%B8%E0%A5%8D%E0%A4%AA%E0%A4%A4%E0%A4%BE\
             %E0%A4%B2&tr=EHS%2F2627%2F000042&tn=Invoice%20EHS%2F2627%2F000042&am=10.00&cu=INR"
        );
    }
}
