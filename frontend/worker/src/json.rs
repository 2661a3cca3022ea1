//! Files of JSON: a report, or analyses that the command line or the server made.

use estiva_shared::image::{ANALYSIS_VERSION, ImageAnalysis};
use estiva_shared::report;
use web_sys::{Blob, FileReaderSync};

use super::Answer;
use super::program::{Reader, failed};

impl Reader {
    /// Takes a file of JSON: a report, or one analysis or several as the command line writes them.
    pub fn open_json(&mut self, id: u64, file: &Blob) -> Answer {
        self.close();
        let text = match read_text(file) {
            Ok(text) => text,
            Err(message) => return failed(id, message),
        };
        let not_report = match report::parse(text.as_bytes()) {
            Ok(report) => {
                let report = Box::new(report);
                return Answer::Report { id, report };
            }
            Err(error) => error,
        };
        let analyses = match serde_json::from_str(&text) {
            Ok(one) => Ok(vec![one]),
            Err(_) => serde_json::from_str::<Vec<ImageAnalysis>>(&text),
        };
        match analyses {
            Ok(analyses)
                if !analyses.is_empty()
                    && analyses.iter().all(|each| each.version == ANALYSIS_VERSION) =>
            {
                self.hold(id, analyses, 0)
            }
            // Of the two, a report is what people have.
            _ => failed(id, not_report),
        }
    }

    /// Takes an analysis that was made elsewhere.
    pub fn open_analysis(&mut self, id: u64, file: &Blob) -> Answer {
        self.close();
        let text = match read_text(file) {
            Ok(text) => text,
            Err(message) => return failed(id, message),
        };
        match serde_json::from_str(&text) {
            Ok(analysis) => self.hold(id, vec![analysis], 0),
            Err(error) => failed(
                id,
                format_args!("expected an analysis, but found other JSON: {error}"),
            ),
        }
    }
}

/// Most bytes of JSON that are read: a browser's longest string has twice as many letters.
const JSON_BYTES_MAX: f64 = (256 << 20) as f64;

fn read_text(file: &Blob) -> Result<String, String> {
    if file.size() > JSON_BYTES_MAX {
        return Err(format!(
            "expected at most {JSON_BYTES_MAX} bytes of JSON, but found {}",
            file.size()
        ));
    }
    FileReaderSync::new()
        .and_then(|reader| reader.read_as_text(file))
        .map_err(|_| "the browser can't read this file any more".to_owned())
}
