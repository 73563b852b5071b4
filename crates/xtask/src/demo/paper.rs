//! Documents: one is uploaded at the desk, the worker inspects it, the doctor finds and reads it.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::player::{Player, must};
use super::{Cast, has_id};
use crate::api::Call;

const FIELDS: [(&str, &str); 3] =
    [("title", "Kidney function"), ("document_type", "LAB_REPORT"), ("description", "Fasting, by courier")];

/// Uploads a report, waits for its inspection, finds it by a word of its text, reads it by a link.
pub async fn report(player: &Player, cast: &Cast, patient: i64) -> Result<()> {
    let (desk, doctor, path) = (&cast.receptionist, &cast.doctor, format!("/api/patients/{patient}/documents/"));
    let upload = Call::post(&path).by(desk).form(&FIELDS, "application/pdf", &report_as_pdf());
    let uploaded = player.play("the desk uploads a report", upload, 201).await?;
    must(uploaded.word("status")? == "PROCESSING", "nobody reads it before it was inspected")?;
    let (id, sha256) = (uploaded.number("id")?, uploaded.word("sha256")?);
    must(sha256.len() == 64, "its SHA-256 is told")?;
    let own = format!("{path}{id}/");
    player.play("and reads none", Call::get(&own).by(desk), 403).await?;
    inspected(player, doctor, &own).await?;
    let found = Call::get(format!("{path}?search=creatinine")).by(doctor);
    let found = player.play("the doctor finds it by a word of its text", found, 200).await?;
    must(has_id(found.list("results")?, id), "the text of a PDF is searched")?;
    let link = player.play("and gets a link to it", Call::get(format!("{own}content/")).by(doctor), 302).await?;
    let link = link.header("location").context("a redirect says where")?;
    let read = reqwest::Client::builder().no_proxy().build()?.get(link).send().await?;
    must(read.status().as_u16() == 200, "the link reads")?;
    must(read.bytes().await?.starts_with(b"%PDF"), "and what is read is the report")
}

/// In whose care the patient is, an event tells; what a document is, the worker finds out.
async fn inspected(player: &Player, doctor: &str, own: &str) -> Result<()> {
    for _ in 0..120 {
        let answer = player.api().send(&Call::get(own).by(doctor)).await?;
        match answer.word("status") {
            Ok("READY") => return Ok(()),
            Ok("QUARANTINED" | "FAILED") => bail!("a harmless report was refused: {}", answer.text),
            _ => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    }
    bail!("the report was not inspected within half a minute")
}

fn report_as_pdf() -> String {
    let line = "BT /F1 14 Tf 20 160 Td (Serum creatinine 0.9 mg/dL, reference 0.6 to 1.2) Tj ET";
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_owned(),
        format!("<</Length {}>>stream\n{line}\nendstream", line.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
    ];
    let (mut pdf, mut table) = ("%PDF-1.4\n".to_owned(), String::new());
    for (number, object) in (1..).zip(&objects) {
        table += &format!("{:010} 00000 n \n", pdf.len());
        pdf += &format!("{number} 0 obj{object}endobj\n");
    }
    let (start, count) = (pdf.len(), objects.len() + 1);
    pdf + &format!(
        "xref\n0 {count}\n0000000000 65535 f \n{table}trailer<</Size {count}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    )
}
