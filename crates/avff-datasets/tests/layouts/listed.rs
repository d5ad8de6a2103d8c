//! FakeAVCeleb, DFDC and KoDF: layouts with tables, whose clips may be missing.

use avff_datasets::layout::{Category, Layout, Problem, Split};
use unicode_normalization::UnicodeNormalization;

use crate::setup::{Set, assert_lines};

/// The original header. It ends in a comma, so the last column has no name.
const HEADER: &str = "source,target1,target2,method,category,type,race,gender,path,\r\n";
const REAL: &str = "RealVideo-RealAudio/African/men/id00076/00109.mp4";
const VOICE: &str = "RealVideo-FakeAudio/Asian (East)/women/id01207/00048_fake.mp4";
const LIPS: &str = "FakeVideo-FakeAudio/African/men/id00076/00109_10_id00476_wavtolip.mp4";
const SWAP: &str = "FakeVideo-RealAudio/Caucasian (American)/men/id00173/00118_id00056_0.mp4";

fn fakeavceleb_rows() -> String {
    [
        "id00076,-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4,FakeAVCeleb/RealVideo-RealAudio/African/men/id00076",
        "id01207,-,-,rtvc,B,RealVideo-FakeAudio,Asian (East),women,00048_fake.mp4,FakeAVCeleb/RealVideo-FakeAudio/Asian (East)/women/id01207",
        "id00076,id00476,-,wav2lip,D,FakeVideo-FakeAudio,African,men,00109_10_id00476_wavtolip.mp4,FakeAVCeleb/FakeVideo-FakeAudio/African/men/id00076",
        "id00173,id00056,id00173,faceswap,C,FakeVideo-RealAudio,Caucasian (American),men,00118_id00056_0.mp4,FakeAVCeleb/FakeVideo-RealAudio/Caucasian (American)/men/id00173",
        "id00999,-,-,real,A,RealVideo-RealAudio,African,men,00001.mp4,FakeAVCeleb/RealVideo-RealAudio/African/men/id00999",
    ]
    .join("\r\n")
}

#[test]
fn fakeavceleb() {
    let set = Set::new(&[REAL, VOICE, LIPS, SWAP, "RealVideo-RealAudio/extra.mp4"])
        .with("meta_data.csv", format!("{HEADER}{}\r\n", fakeavceleb_rows()));
    let result = set.scan(Layout::FakeAvCeleb);
    let rows = [
        format!("{REAL}|0||RVRA||id00076|{REAL}||African|men"),
        format!(
            "{VOICE}|1||RVFA|rtvc|id01207|RealVideo-RealAudio/Asian (East)/women/id01207/00048.mp4||Asian (East)|women"
        ),
        format!("{LIPS}|1||FVFA|wav2lip|id00076;id00476|{REAL}||African|men"),
        format!(
            "{SWAP}|1||FVRA|faceswap|id00173;id00056|RealVideo-RealAudio/Caucasian (American)/men/id00173/00118.mp4||Caucasian (American)|men"
        ),
    ];
    assert_eq!(result.rows, rows);
    let missing = "RealVideo-RealAudio/African/men/id00999/00001.mp4";
    assert_lines(
        &result.problems,
        &[&format!("missing {missing}"), "unlisted RealVideo-RealAudio/extra.mp4"],
    );
    assert_eq!(result.summary.targets, [("fake", 3), ("real", 1)].into());
    assert_eq!(
        result.summary.categories,
        [("FVFA", 1), ("FVRA", 1), ("RVFA", 1), ("RVRA", 1)].into()
    );
    // With rows for missing clips.
    let result = set.try_scan(Layout::FakeAvCeleb, true).unwrap();
    assert_eq!(result.rows.len(), 5);
    assert!(result.rows[4].starts_with(missing));
    assert_eq!(result.summary.count(Problem::Missing), 1);
}

#[test]
fn fakeavceleb_saved_by_pandas_in_a_subfolder() {
    // Saved by pandas: a byte order mark, a name for the unnamed column, a quoted cell.
    let table = format!(
        "\u{feff}{}{}",
        HEADER.replace("path,\r\n", "path,Unnamed: 9\r\n"),
        fakeavceleb_rows().replace("African,men,00109.mp4", "\"African\",men,\"00109.mp4\"")
    );
    let (real, lips) = (format!("FakeAVCeleb_v1.2/{REAL}"), format!("FakeAVCeleb_v1.2/{LIPS}"));
    let set = Set::new(&[&real, &lips]).with("FakeAVCeleb_v1.2/meta_data.csv", table);
    let result = set.scan(Layout::FakeAvCeleb);
    assert_eq!(result.rows[0], format!("{real}|0||RVRA||id00076|{real}||African|men"));
    assert_eq!(
        result.rows[1],
        format!("{lips}|1||FVFA|wav2lip|id00076;id00476|{real}||African|men")
    );
    assert_eq!((result.rows.len(), result.problems.len()), (2, 3));
}

#[test]
fn fakeavceleb_invalid_rows() {
    let rows = [
        "id1,-,-,real,A,RealVideo-RealAudio,a,men,../1.mp4,FakeAVCeleb/x",
        "id1,-,-,real,A,RealVideo-RealAudio,a,men,1.mp4,/etc",
        "id1,-,-,real,A,Real,a,men,1.mp4,x",
        "id1,-,-,real,D,RealVideo-RealAudio,a,men,1.mp4,x",
        "id1,-,-",
        "id1,-,-,real,A,RealVideo-RealAudio,a,men,1.mp4,x",
        "id1,-,-,real,A,RealVideo-RealAudio,a,men,1.mp4,./x/",
    ];
    let set = Set::new(&["x/1.mp4"]).with("meta_data.csv", format!("{HEADER}{}", rows.join("\n")));
    let result = set.scan(Layout::FakeAvCeleb);
    assert_lines(&result.rows, &["x/1.mp4|0||RVRA||id1|x/1.mp4||a|men"]);
    assert_lines(
        &result.problems,
        &[
            "refused meta_data.csv: line 2: a path that leaves its folder",
            "refused meta_data.csv: line 3: an absolute path",
            "refused meta_data.csv: line 4: the type is `Real`",
            "refused meta_data.csv: line 5: type RealVideo-RealAudio with category `D`",
            "refused meta_data.csv: line 6: expected more than 5 cells, found 3",
            "repeated x/1.mp4",
        ],
    );
}

#[test]
fn dfdc_parts() {
    let nested = "dfdc_train_part_00/dfdc_train_part_0";
    let set = Set::new(&[
        &format!("{nested}/a.mp4"),
        &format!("{nested}/b.mp4"),
        "dfdc_train_part_1/c.mp4",
        "dfdc_train_part_1/d.mp4",
    ])
    .with(
        &format!("{nested}/metadata.json"),
        r#"{"a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"},
            "b.mp4": {"label": "REAL", "split": "train", "original": null},
            "gone.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"}}"#,
    )
    .with(
        "dfdc_train_part_1/metadata.json",
        r#"{"c.mp4": {"label": "REAL", "split": "train"},
            "d.mp4": {"label": "WHAT", "split": "train"},
            "../e.mp4": {"label": "REAL", "split": "train"},
            "f.mp4": {"split": "train"}}"#,
    );
    let result = set.scan(Layout::Dfdc);
    assert_lines(
        &result.rows,
        &[
            &format!("{nested}/a.mp4|1|train||||{nested}/b.mp4|"),
            &format!("{nested}/b.mp4|0|train|RVRA|||{nested}/b.mp4|"),
            "dfdc_train_part_1/c.mp4|0|train|RVRA|||dfdc_train_part_1/c.mp4|",
        ],
    );
    assert_lines(
        &result.problems,
        &[
            &format!("missing {nested}/gone.mp4"),
            "refused dfdc_train_part_1/metadata.json: element 2: the label is `WHAT`, neither real nor fake",
            "refused dfdc_train_part_1/metadata.json: element 3: a path that leaves its folder",
            "refused dfdc_train_part_1/metadata.json: element 4: a clip without a label",
            "unlisted dfdc_train_part_1/d.mp4",
        ],
    );
    assert_eq!(result.summary.categories, [("RVRA", 2), ("unknown", 1)].into());
}

#[test]
fn dfdc_validation_test_and_preview() {
    let set = Set::new(&[
        "validation/a.mp4",
        "validation/b.mp4",
        "test/videos/c.mp4",
        "preview/method_A/1/1_A/1_2_A_001.mp4",
        "preview/original_videos/2/2_A.mp4",
    ])
    .with("validation/labels.csv", "\u{feff}filename,label\r\na.mp4,0\r\nb.mp4,1\r\n")
    .with("test/labels.csv", "filename,label\nc.mp4,1\n")
    .with("test/metadata.json", r#"{"c.mp4": {"is_fake": 1, "augmentations": []}}"#)
    .with(
        "preview/dataset.json",
        r#"{"method_A/1/1_A/1_2_A_001.mp4":
              {"label": "fake", "set": "train", "target_id": "1", "swapped_id": 2, "augmentations": []},
            "original_videos/2/2_A.mp4":
              {"label": "real", "set": "test", "target_id": 2, "swapped_id": null}}"#,
    );
    let result = set.scan(Layout::Dfdc);
    assert_lines(
        &result.rows,
        &[
            "preview/method_A/1/1_A/1_2_A_001.mp4|1|train||method_A|1;2||",
            "preview/original_videos/2/2_A.mp4|0|test|RVRA||2|preview/original_videos/2/2_A.mp4|",
            "test/videos/c.mp4|1|test|||||",
            "validation/a.mp4|0|val|RVRA|||validation/a.mp4|",
            "validation/b.mp4|1|val|||||",
        ],
    );
    assert_lines(&result.problems, &[]);
}

const KODF_REAL: &str = "\u{feff}영상ID,UUID,인물성별,촬영장소\r\nu1_001.mp4,u1,남,\"안, 밖\"\r\nu9_001.mp4,u9,여,안\r\n";
const KODF_FAKE: &str = "\u{feff}영상ID,타겟영상,타겟UUID,소스UUID,변조모델,인물성별\r\n\
    u1_u2_1_0001.mp4,u1_001.mp4,u1,u2,dfl,남\r\n\
    u1_u1_5_0002,u1_001,u1,u1,audio-driven,남\r\n\
    u3_u2_4_0003.mp4,u3_007.mp4,u3,u2,fo,여\r\n";

#[test]
fn kodf() {
    let set = Set::new(&[
        "원천데이터/train_원본/원본1/u1/u1_001.mp4",
        "원천데이터/train_탐지방해/원본영상/01_blur/u1_001.mp4",
        "dfl/u1/u1_u2_1_0001.mp4",
        "audio/u1/u1_u1_5_0002.mp4",
        "fo/u3_u2_4_0003.mp4",
    ])
    .with("라벨링데이터/원본영상_training_메타데이터.csv", KODF_REAL)
    .with("라벨링데이터/변조영상_validation_메타데이터.csv", KODF_FAKE)
    // A table of another program, and a file that is not a table.
    .with("notes.csv", "a,b\n1,2\n")
    .with("broken.csv", b"\xff\xfe\x00");
    let result = set.scan(Layout::Kodf);
    let real = "원천데이터/train_원본/원본1/u1/u1_001.mp4";
    assert_lines(
        &result.rows,
        &[
            &format!("dfl/u1/u1_u2_1_0001.mp4|1|val|FVRA|dfl|u1;u2|{real}|ko|남"),
            &format!("audio/u1/u1_u1_5_0002.mp4|1|val|FVRA|audio-driven|u1|{real}|ko|남"),
            "fo/u3_u2_4_0003.mp4|1|val|FVRA|fo|u3;u2|u3_007.mp4|ko|여",
            &format!("{real}|0|train|RVRA||u1|{real}|ko|남"),
        ],
    );
    assert_lines(
        &result.problems,
        &["missing u9_001.mp4", "unlisted 원천데이터/train_탐지방해/원본영상/01_blur/u1_001.mp4"],
    );
}

/// Archives that macOS unpacked have decomposed names.
#[test]
fn kodf_with_decomposed_names() {
    let clips = [
        "원천데이터/train_원본/원본1/u1/u1_001.mp4",
        "원천데이터/train_탐지방해/원본영상/01_blur/u1_001.mp4",
        "영상/u1_u2_1_0001.mp4",
    ];
    let tables = [
        ("라벨링데이터/원본영상_training_메타데이터.csv", KODF_REAL),
        ("라벨링데이터/변조영상_validation_메타데이터.csv", KODF_FAKE),
    ];
    let decomposed = |text: &str| text.nfd().collect::<String>();
    let (plain, other) = (Set::new(&clips), Set::new(&[]));
    clips.iter().for_each(|clip| other.write(&decomposed(clip), ""));
    for (name, table) in tables {
        plain.write(name, table);
        other.write(&decomposed(name), decomposed(table));
    }
    assert_eq!(Layout::detect(plain.root()).unwrap(), Layout::Kodf);
    assert_eq!(Layout::detect(other.root()).unwrap(), Layout::Kodf);
    let (plain, other) = (plain.scan(Layout::Kodf), other.scan(Layout::Kodf));
    assert_eq!(plain.rows.len(), 2);
    let composed = |lines: &[String]| lines.iter().map(|line| line.nfc().collect()).collect();
    let rows: Vec<String> = composed(&other.rows);
    let problems: Vec<String> = composed(&other.problems);
    assert_eq!((rows, problems), (plain.rows, plain.problems));
}

/// A list in one normal form finds the files of the other one, and rows name them as the disk does.
#[test]
fn listed_names_find_files_of_the_other_normal_form() {
    let list = |file: &str| {
        format!(
            r#"[{{"file": "{file}", "n_fakes": 0, "fake_periods": [], "original": null,
            "modify_video": false, "modify_audio": false, "split": "test"}}]"#
        )
    };
    for (listed, on_disk) in [("caf\u{e9}", "cafe\u{301}"), ("cafe\u{301}", "caf\u{e9}")] {
        let clip = format!("test/{on_disk}.mp4");
        let set = Set::new(&[&clip]).with("metadata.json", list(&format!("test/{listed}.mp4")));
        let result = set.scan(Layout::LavDf);
        assert!(result.rows[0].starts_with(&format!("{clip}|0|")), "{:?}", result.rows);
        assert_lines(&result.problems, &[]);
        // Both forms on disk are two files.
        set.write(&format!("test/{listed}.mp4"), "");
        let result = set.scan(Layout::LavDf);
        assert!(result.rows[0].starts_with(&format!("test/{listed}.mp4|0|")), "{:?}", result.rows);
        assert_lines(&result.problems, &[&format!("unlisted {clip}")]);
    }
}

#[test]
fn kodf_without_tables() {
    let set =
        Set::new(&["a/u1_001.mp4", "b/u1_u2_3_0001.mp4", "b/u1_u2_9_0001.mp4", "b/intro.mp4"]);
    let result = set.scan(Layout::Kodf);
    assert_lines(
        &result.rows,
        &[
            "a/u1_001.mp4|0||RVRA||u1|a/u1_001.mp4|ko|",
            "b/u1_u2_3_0001.mp4|1||FVRA|fsgan|u1;u2||ko|",
        ],
    );
    assert_lines(&result.problems, &["unlisted b/intro.mp4", "unlisted b/u1_u2_9_0001.mp4"]);
}

#[test]
fn names_of_categories_and_splits() {
    let names = [(false, false), (false, true), (true, false), (true, true)]
        .map(|(video, audio)| Category::new(video, audio).name());
    assert_eq!(names, ["RVRA", "RVFA", "FVRA", "FVFA"]);
    let cases = [
        ("TRAIN", Some(Split::Train)),
        (" dev ", Some(Split::Val)),
        ("validate", Some(Split::Val)),
        ("Validation", Some(Split::Val)),
        ("test", Some(Split::Test)),
        ("tests", None),
        ("", None),
    ];
    for (name, expected) in cases {
        assert_eq!(Split::parse(name), expected, "{name}");
    }
}
