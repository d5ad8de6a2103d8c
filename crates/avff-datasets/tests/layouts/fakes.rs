//! LAV-DF, AV-Deepfake1M, MAVOS-DD, DeepfakeTIMIT and sorted folders.

use std::fs;

use avff_datasets::layout::Layout;

use crate::setup::{Set, assert_lines};

const LAV_DF: &str = r#"[
 {"file": "test/000001.mp4", "n_fakes": 1, "fake_periods": [[1.25, 2.5], [3, 4.0]], "duration": 7.1,
  "original": "test/000002.mp4", "modify_video": true, "modify_audio": true, "split": "test",
  "video_frames": 177, "audio_channels": 1, "audio_frames": 113600},
 {"file": "test/000002.mp4", "n_fakes": 0, "fake_periods": [], "duration": 7.1, "original": null,
  "modify_video": false, "modify_audio": false, "split": "test", "video_frames": 177,
  "audio_channels": 1, "audio_frames": 113600},
 {"file": "dev/000003.mp4", "n_fakes": 1, "fake_periods": [[0.1, 0.2]], "duration": 7.1,
  "original": "000004.mp4", "modify_video": false, "modify_audio": true, "split": "dev"},
 {"file": "train/000005.mp4", "n_fakes": 0, "fake_periods": [], "original": null,
  "modify_video": true, "modify_audio": false, "split": "train"},
 {"file": "train/000006.mp4", "n_fakes": 1, "fake_periods": [[2, 1]], "original": null,
  "modify_video": true, "modify_audio": false, "split": "train"},
 {"file": "train/000007.mp4", "n_fakes": 2, "fake_periods": [[0, 1]], "original": null,
  "modify_video": true, "modify_audio": false, "split": "train"}
]"#;

#[test]
fn lav_df() {
    let set =
        Set::new(&["test/000001.mp4", "test/000002.mp4", "dev/000003.mp4", "train/000007.mp4"])
            .with("metadata.min.json", LAV_DF)
            // The larger list has equal content and is not read.
            .with("metadata.json", "not read");
    let result = set.scan(Layout::LavDf);
    assert_lines(
        &result.rows,
        &[
            "test/000001.mp4|1|test|FVFA|||test/000002.mp4||1.25-2.5;3-4",
            "test/000002.mp4|0|test|RVRA|||test/000002.mp4||",
            "dev/000003.mp4|1|val|RVFA|||dev/000004.mp4||0.1-0.2",
            "train/000007.mp4|1|train|FVRA|||||0-1",
        ],
    );
    assert_lines(
        &result.problems,
        &[
            "refused metadata.min.json: element 4: train/000005.mp4: n_fakes contradicts modify_video and modify_audio",
            "refused metadata.min.json: element 5: a segment from 2 to 1 seconds",
        ],
    );
    fs::remove_file(set.root().join("metadata.min.json")).unwrap();
    assert!(set.error(Layout::LavDf).starts_with("line 1: unexpected JSON"));
    set.write("metadata.json", format!("\u{feff}{LAV_DF}\r\n"));
    assert_eq!(set.scan(Layout::LavDf).rows, result.rows);
}

const AV1M: &str = r#"[
 {"file": "id00012/21Uxsk56VDQ/00001/fake_video_fake_audio.mp4",
  "original": "id00012/21Uxsk56VDQ/00001/real.mp4", "split": "train", "modify_type": "both_modified",
  "audio_model": "yourtts", "fake_segments": [[3.28, 3.46]], "audio_fake_segments": [[3.28, 3.46]],
  "visual_fake_segments": [[3.28, 3.46]], "video_frames": 237, "audio_frames": 151680,
  "operations": [{"operation": "replace", "old_word": "big", "new_word": "small"}]},
 {"file": "id00012/21Uxsk56VDQ/00001/real.mp4", "original": null, "split": "train",
  "modify_type": "real", "audio_model": null, "fake_segments": [], "audio_fake_segments": [],
  "visual_fake_segments": [], "video_frames": 237, "audio_frames": 151680},
 {"file": "vox_celeb_2/id00013/x/00002/real_video_fake_audio.mp4",
  "original": "vox_celeb_2/id00013/x/00002/real.mp4", "split": "train", "modify_type": "audio_modified",
  "audio_model": "vits", "audio_fake_segments": [[0, 0.5]]},
 {"file": "lrs3/0Fi83BHQsMA/00003/fake_video_real_audio.mp4", "original": null, "split": "train",
  "modify_type": "visual_modified", "video_model": "diff2lip", "audio_model": "",
  "visual_fake_segments": [[1, 2]]},
 {"file": "id1/y/1/a.mp4", "original": null, "split": "train", "modify_type": "both-modified",
  "video_model": "talklip", "audio_model": "yourtts", "visual_fake_segments": [[1, 2]],
  "audio_fake_segments": [[3, 4]]},
 {"file": "id1/y/1/b.mp4", "original": null, "split": "train", "modify_type": "none"},
 {"file": "/id1/y/1/c.mp4", "original": null, "split": "train", "modify_type": "real"}
]"#;

fn av1m() -> Set {
    Set::new(&[
        "train/id00012/21Uxsk56VDQ/00001/fake_video_fake_audio.mp4",
        "train/id00012/21Uxsk56VDQ/00001/real.mp4",
        "train/vox_celeb_2/id00013/x/00002/real_video_fake_audio.mp4",
        "train/lrs3/0Fi83BHQsMA/00003/fake_video_real_audio.mp4",
        "train/id1/y/1/a.mp4",
        "test/000000.mp4",
        "testA/000001.mp4",
    ])
    .with("train_metadata.json", AV1M)
    .with("test_files.txt", "\u{feff}000000.mp4\r\n\r\n000009.mp4\r\n../x.mp4")
    .with("testA_files.txt", "testA/000001.mp4\n")
}

#[test]
fn av_deepfake1m() {
    // Read only without a list.
    let set = av1m().with("train_metadata/id1/y/1/a.json", "not read");
    let result = set.scan(Layout::AvDeepfake1m);
    let both = "train/id00012/21Uxsk56VDQ/00001/fake_video_fake_audio.mp4";
    let real = "train/id00012/21Uxsk56VDQ/00001/real.mp4";
    assert_lines(
        &result.rows,
        &[
            "testA/000001.mp4||test||||||||",
            "test/000000.mp4||test||||||||",
            &format!("{both}|1|train|FVFA|yourtts|id00012|{real}||3.28-3.46|3.28-3.46|3.28-3.46"),
            &format!("{real}|0|train|RVRA||id00012|{real}||||"),
            "train/vox_celeb_2/id00013/x/00002/real_video_fake_audio.mp4|1|train|RVFA|vits|id00013|train/vox_celeb_2/id00013/x/00002/real.mp4||0-0.5||0-0.5",
            "train/lrs3/0Fi83BHQsMA/00003/fake_video_real_audio.mp4|1|train|FVRA|diff2lip|0Fi83BHQsMA|||1-2|1-2|",
            "train/id1/y/1/a.mp4|1|train|FVFA|talklip+yourtts|id1|||1-2;3-4|1-2|3-4",
        ],
    );
    assert_lines(
        &result.problems,
        &[
            "missing test/000009.mp4",
            "refused test_files.txt: line 4: a path that leaves its folder",
            "refused train_metadata.json: element 6: id1/y/1/b.mp4: modify_type is `none`",
            "refused train_metadata.json: element 7: an absolute path",
        ],
    );
    assert_eq!(result.summary.targets, [("fake", 4), ("hidden", 2), ("real", 1)].into());
}

#[test]
fn av_deepfake1m_with_one_file_per_clip() {
    let set = Set::new(&["val/id1/y/1/real.mp4", "val/id1/y/1/fake_video_real_audio.mp4"])
        .with("val_metadata/id1/y/1/real.json", r#"{"modify_type": "real", "original": null}"#)
        .with(
            "val_metadata/id1/y/1/fake_video_real_audio.json",
            r#"{"modify_type": "visual_modified", "original": "id1/y/1/real.mp4",
                "fake_segments": [[1, 2]], "visual_fake_segments": [[1, 2]]}"#,
        );
    let result = set.scan(Layout::AvDeepfake1m);
    assert_lines(
        &result.rows,
        &[
            "val/id1/y/1/fake_video_real_audio.mp4|1|val|FVRA||id1|val/id1/y/1/real.mp4||1-2|1-2|",
            "val/id1/y/1/real.mp4|0|val|RVRA||id1|val/id1/y/1/real.mp4||||",
        ],
    );
    assert_lines(&result.problems, &[]);
}

/// The fixture was written by `datasets` in two files; see its README.
#[test]
fn mavos_dd() {
    let set = Set::new(&[
        "english/real/a 1.mp4",
        "romanian/sonic/ț.mp4",
        "arabic/memo/c.mp4",
        "hindi/real/d.mp4",
    ]);
    let fixture = "tests/fixtures/layouts/mavos-dd";
    for entry in fs::read_dir(fixture).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), set.root().join(entry.file_name())).unwrap();
    }
    // `datasets` leaves this file after filtering the table.
    set.write("cache-0123456789abcdef.arrow", "not read");
    let result = set.scan(Layout::MavosDd);
    assert_lines(
        &result.rows,
        &[
            "english/real/a 1.mp4|0|train|RVRA|||english/real/a 1.mp4|en|false|false",
            "romanian/sonic/ț.mp4|1|val||sonic|||ro|false|false",
            "arabic/memo/c.mp4|1|test||memo|||ar|true|true",
            "hindi/real/d.mp4|0|test|RVRA|||hindi/real/d.mp4|hi|false|true",
        ],
    );
    assert_lines(&result.problems, &["missing english/memo/e.mp4"]);
    for (state, expected) in [
        (
            r#"{"_data_files": [{"filename": "../x.arrow"}]}"#,
            "line 1: a path that leaves its folder",
        ),
        (r#"{"_data_files": [{"filename": "gone.arrow"}]}"#, "no such file"),
        (r#"{"_data_files": [{"filename": "state.json"}]}"#, "malformed Arrow stream"),
    ] {
        set.write("state.json", state);
        let error = set.error(Layout::MavosDd);
        assert!(error.starts_with(expected), "{error}, expected {expected}");
    }
}

#[test]
fn df_timit() {
    let set = Set::new(&[
        "DeepfakeTIMIT/higher_quality/fadg0/sa1-video-fram1.avi",
        "DeepfakeTIMIT/lower_quality/fram1/si2303-video-fadg0.avi",
        "VidTIMIT/fadg0/sa1.avi",
        "VidTIMIT/fadg0/head.avi",
    ]);
    let result = set.scan(Layout::DfTimit);
    assert_lines(
        &result.rows,
        &[
            "DeepfakeTIMIT/higher_quality/fadg0/sa1-video-fram1.avi|1||FVRA|higher_quality|fadg0;fram1|VidTIMIT/fadg0/sa1.avi|",
            "DeepfakeTIMIT/lower_quality/fram1/si2303-video-fadg0.avi|1||FVRA|lower_quality|fram1;fadg0|fram1/si2303.avi|",
            "VidTIMIT/fadg0/sa1.avi|0||RVRA||fadg0|VidTIMIT/fadg0/sa1.avi|",
        ],
    );
    assert_lines(&result.problems, &["unlisted VidTIMIT/fadg0/head.avi"]);
}

#[test]
fn sorted_folders() {
    let set = Set::new(&[
        "train/REAL/a.MP4",
        "train/Fake/simswap/b.mov",
        "test/fake/c.webm",
        "fake/real/d.mkv",
        "other/e.mp4",
        ".hidden/real/f.mp4",
        "__MACOSX/real/g.mp4",
        "real/._h.mp4",
        "real/notes.txt",
    ]);
    let result = set.scan(Layout::Folder);
    assert_lines(
        &result.rows,
        &[
            "fake/real/d.mkv|1|||real|||",
            "test/fake/c.webm|1|test|||||",
            "train/Fake/simswap/b.mov|1|train||simswap|||",
            "train/REAL/a.MP4|0|train|RVRA|||train/REAL/a.MP4|",
        ],
    );
    assert_lines(&result.problems, &["unlisted other/e.mp4"]);
}
