use super::*;

fn canonical(text: &str) -> String {
    text.parse::<Quantity>().map_or_else(|error| error.to_string(), |quantity| quantity.to_string())
}

#[test]
fn the_canonical_form_is_the_servers() {
    // From apimachinery's quantity_test.go and its documentation.
    for (written, wanted) in [
        ("0", "0"),
        ("0Mi", "0"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("0.5", "500m"),
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("512", "512"),
        ("1023Ki", "1023Ki"),
        ("0.5Ki", "512"),
        ("1000", "1k"),
        ("10000", "10k"),
        ("1e3", "1e3"),
        ("1000e3", "1e6"),
        ("12E", "9223372036854775807"),
        ("100Ti", "100Ti"),
        ("0.0000000001", "1n"),
        ("+5", "5"),
        (".5", "500m"),
        ("5.", "5"),
        ("1E3", "1e3"),
        ("1E", "1E"),
        ("0.3Ki", "307200m"),
        ("1000k", "1M"),
        ("2048", "2048"),
        ("100k", "100k"),
        // Odd, but the schema's isQuantity lets them pass.
        ("-0", "0"),
        ("1e100", "9223372036854775807"),
        ("1e999", "9223372036854775807"),
        ("5e-100", "1e-9"),
    ] {
        assert_eq!(canonical(written), wanted, "{written}");
    }
    for wrong in ["", "-1", "1.2.3", "five", "1 Gi", "1GiB", "e3", ".", "1e", "--0", "-+0", "-0.1", "٣"] {
        assert!(wrong.parse::<Quantity>().is_err(), "{wrong}");
    }
}
