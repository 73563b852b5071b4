use super::*;

const MSH: &str = "MSH|^~\\&|LIS|LAB|E|E|202611282325||ORU^R01|202611279999|P|2.5.1";

fn kept(segments: &str) -> String {
    let message = format!("{MSH}\r{segments}\r");
    let kept = String::from_utf8_lossy(&of(message.as_bytes())).into_owned();
    kept.strip_prefix(MSH).unwrap_or_default().trim_matches('\r').to_owned()
}

// Twelve digits with a right check digit: 202611279999, 234123412346, 211000119109, 919876543216.
#[test]
fn numbers_of_things_measured_numbers_phones_and_concepts_are_left() {
    for segment in [
        "ORC|RE|202611279999|202611279999^LIS",
        "OBR|1|202611279999|234123412346^LIS|X|||20261123",
        "OBX|1|NM|777-3^Platelets^LN|202611279999|234123412346|10*3/uL|||||||||||||||234123412346^LIS",
        "OBX|1|SN|777-3^Platelets^LN||>^234123412346",
        "OBX|1|CWE|8661-1^Complaint^LN||211000119109^Pain^SCT",
        "DG1|1||R52^Pain^I10^211000119109^Pain^SCT||20261121|W||||||||||||||234123412346",
        "PR1|1||211000119109^Biopsy^SCT||202611282325||||||||||||||234123412346",
        "PV1|1|I|||||||||||||||||202611279999^^^LAB^VN",
        "SCH|234123412346|202611279999",
        "PID|1||202611279999^^^LAB^MR||Raman^Lakshmi||19800412|F|||||919876543216^PRN^PH",
        "MRG|202611279999^^^LAB^PI||202611279999",
        "PID|1||91-2341-2341-2346^^^ABDM^HIN||Raman",
    ] {
        assert_eq!(kept(segment), segment);
    }
}

#[test]
fn everywhere_else_a_number_is_crossed_out() {
    for (segment, expected) in [
        ("PID|1||234123412346^^^UIDAI^NI", "PID|1||XXXXXXXX2346^^^UIDAI^NI"),
        ("PID|1||7^^^LAB^MR~234123412346|2341 2341 2346", "PID|1||7^^^LAB^MR~XXXXXXXX2346|XXXX XXXX 2346"),
        ("PID|1||234123412346^^^LAB^MR", "PID|1||XXXXXXXX2346^^^LAB^MR"),
        ("PID|1||202611279999^^^LAB", "PID|1||XXXXXXXX9999^^^LAB"),
        ("PID|1||202611279999^^^UIDAI^MR", "PID|1||XXXXXXXX9999^^^UIDAI^MR"),
        ("PID|1||7||Raman^234123412346", "PID|1||7||Raman^XXXXXXXX2346"),
        ("PID|1||7||||||||||234123412346", "PID|1||7||||||||||XXXXXXXX2346"),
        ("PID|1||7||||||||||||||||234123412346", "PID|1||7||||||||||||||||XXXXXXXX2346"),
        ("OBX|1|ST|1^UID^L||no. 2341/2341/2346", "OBX|1|ST|1^UID^L||no. XXXX/XXXX/2346"),
        ("OBX|1|FT|1^UID^L||2341\\.br\\2341\\.br\\2346", "OBX|1|FT|1^UID^L||XXXX\\.br\\XXXX\\.br\\2346"),
        ("OBX|1|FT|1^UID^L||2341\\X0D0A\\2341\\X0D0A\\2346", "OBX|1|FT|1^UID^L||XXXX\\X0D0A\\XXXX\\X0D0A\\2346"),
        ("OBX|1|FT|1^UID^L||2341\\2341\\2346", "OBX|1|FT|1^UID^L||XXXX\\XXXX\\2346"),
        ("OBX|1|NM|1^Aadhaar number^L||234123412346", "OBX|1|NM|1^Aadhaar number^L||XXXXXXXX2346"),
        ("NTE|1||आधार २३४१ २३४१ २३४६", "NTE|1||आधार XXXX XXXX २३४६"),
        ("NK1|1|234123412346||||", "NK1|1|XXXXXXXX2346||||"),
        ("ZZZ|234123412346", "ZZZ|XXXXXXXX2346"),
        ("234123412346", "XXXXXXXX2346"),
        ("damaged 234123412346", "damaged XXXXXXXX2346"),
    ] {
        assert_eq!(kept(segment), expected);
        assert!(!aadhaar::is_within(expected), "{expected}");
    }
}

#[test]
fn other_separators_frames_and_character_sets_make_no_difference() {
    let message =
        b"\x0BMSH$:*!%$LIS$LAB$E$E$$$ORU:R01$7$P$2.5.1$$$$$$8859/1\rPID$1$$7*234123412346:::UIDAI:NI$$Jos\xe9\r\
        OBR$1$202611279999$234123412346:LIS\rOBX$1$ST$1$$2341!.br!2341!.br!2346\r\x1C\r";
    let expected =
        b"\x0BMSH$:*!%$LIS$LAB$E$E$$$ORU:R01$7$P$2.5.1$$$$$$8859/1\rPID$1$$7*XXXXXXXX2346:::UIDAI:NI$$Jos\xe9\r\
        OBR$1$202611279999$234123412346:LIS\rOBX$1$ST$1$$XXXX!.br!XXXX!.br!2346\r\x1C\r";
    assert_eq!(of(message), expected);
    for unreadable in [&b""[..], b"MSH", b"MSH|^", b"\xff\r\x0B", b"|\r|"] {
        assert_eq!(of(unreadable), unreadable);
    }
    assert_eq!(of(b"no message: 234123412346"), b"no message: XXXXXXXX2346");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_kept_but_for_digits(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120)) {
        proptest::prop_assert!(of(&bytes).len() <= bytes.len());
    }
}
