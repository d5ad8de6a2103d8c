//! Layout detection and its errors.

use std::path::Path;

use avff_datasets::{Reason, layout::Layout};

use crate::setup::Set;

/// Returns a minimal root of each layout.
fn samples() -> Vec<(Layout, Set)> {
    vec![
        (Layout::FakeAvCeleb, Set::new(&[]).with("FakeAVCeleb_v1.2/meta_data.csv", "")),
        (Layout::FakeAvCeleb, Set::new(&["FakeVideo-FakeAudio/African/men/id1/a.mp4"])),
        (Layout::Dfdc, Set::new(&["dfdc_train_part_00/dfdc_train_part_0/a.mp4"])),
        (Layout::Dfdc, Set::new(&["original_videos/1/a.mp4"]).with("dataset.json", "{}")),
        (Layout::Dfdc, Set::new(&["a.mp4"]).with("labels.csv", "")),
        (Layout::Kodf, Set::new(&["003.딥페이크/1.Training/원천데이터/dfl/u1/a.mp4"]).with(
                "003.딥페이크/1.Training/라벨링데이터/train_meta_data/변조영상_training_메타데이터.csv",
                "",
            )),
        (Layout::Kodf, Set::new(&["dfl/u1/u1_u2_1_0001.mp4"])),
        (Layout::LavDf, Set::new(&["dev/1.mp4"]).with("metadata.json", "[]")),
        (Layout::LavDf, Set::new(&[]).with("LAV-DF/metadata.min.json", "[]")),
        (Layout::AvDeepfake1m, Set::new(&["val/x.mp4"]).with("val_metadata.json", "[]")),
        (Layout::AvDeepfake1m, Set::new(&["test/x.mp4"]).with("test_files.txt", "")),
        (Layout::DfTimit, Set::new(&["lower_quality/fadg0/sa1-video-fram1.avi"])),
        (Layout::VoxCeleb2, Set::new(&["dev/mp4/id00012/x/00001.mp4"])),
        (Layout::Lrs3, Set::new(&["trainval/x/00001.mp4"])),
        (Layout::Kinetics400, Set::new(&["train/yoga/a_000000_000010.mp4"])),
        (Layout::MavosDd, Set::new(&[]).with("state.json", "{}").with("data-0.arrow", "")),
        (Layout::Folder, Set::new(&["train/real/a.mp4", "train/fake/b.mp4"])),
    ]
}

#[test]
fn each_layout_matches_only_itself() {
    for (layout, set) in samples() {
        assert_eq!(Layout::candidates(set.root()).unwrap(), [layout]);
        assert_eq!(Layout::detect(set.root()).unwrap(), layout);
    }
}

#[test]
fn large_folder_does_not_hide_its_siblings() {
    // More clips than the listing holds, in folders that come first.
    let set = Set::new(&[]).with("train_metadata.json", "[]");
    for folder in 0..11 {
        let folder = set.root().join(format!("test/{folder}"));
        std::fs::create_dir_all(&folder).unwrap();
        for clip in 0..500 {
            std::fs::File::create(folder.join(format!("{clip}.mp4"))).unwrap();
        }
    }
    assert_eq!(Layout::detect(set.root()).unwrap(), Layout::AvDeepfake1m);
}

#[test]
fn no_match_and_several_matches_are_errors() {
    let set = Set::new(&["b.mp4", "a.mp4", "c/d.mp4", "e", "f", "g", "h"]);
    let error = Layout::detect(set.root()).unwrap_err().source;
    let expected = "cannot detect the layout: no layout matches, found `a.mp4`, `b.mp4`, `c`, `e`, `f` and 2 more";
    assert_eq!(error.to_string(), expected);
    let set = Set::new(&["trainval/x/1.mp4"]).with("labels.csv", "");
    let error = Layout::detect(set.root()).unwrap_err().source.to_string();
    assert!(error.starts_with("cannot detect the layout: it looks like dfdc, lrs3"), "{error}");
    let error = Layout::detect(Path::new("/nowhere/at/all")).unwrap_err().source;
    assert!(matches!(error, Reason::NotFound));
    let set = Set::new(&["a.mp4"]);
    let error = Layout::detect(&set.root().join("a.mp4")).unwrap_err().source;
    assert!(matches!(error, Reason::NotAFolder));
}

#[test]
fn error_names_the_matching_layout() {
    let set = Set::new(&["trainval/x/00001.mp4"]);
    assert_eq!(
        set.error(Layout::FakeAvCeleb),
        "not FakeAVCeleb v1.2: looked for `meta_data.csv`, found `trainval`; it looks like lrs3"
    );
    let empty = Set::new(&[]);
    for layout in Layout::ALL {
        let error = empty.error(layout);
        let expected =
            format!("not {}: looked for {}, found nothing", layout.title(), layout.expected());
        assert_eq!(error, expected);
    }
}

#[test]
fn list_without_any_existing_clip_is_an_error() {
    let set = Set::new(&[]).with("labels.csv", "filename,label\na.mp4,0\nb.mp4,1\nc.mp4,2\n");
    assert_eq!(set.error(Layout::Dfdc), "no clips: 3 are listed, but none exist");
    assert_eq!(set.try_scan(Layout::Dfdc, true).unwrap().rows.len(), 2);
}

#[test]
fn names_round_trip() {
    for layout in Layout::ALL {
        assert_eq!(layout.name().parse::<Layout>().unwrap(), layout);
    }
    assert_eq!("x".parse::<Layout>().unwrap_err().to_string(), "no layout is named `x`");
}
