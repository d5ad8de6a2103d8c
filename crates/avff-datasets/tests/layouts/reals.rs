//! VoxCeleb2, LRS3 and Kinetics-400: data sets of real clips.

use avff_datasets::layout::Layout;

use crate::setup::{Set, assert_lines};

#[test]
fn voxceleb2() {
    let set = Set::new(&[
        "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4",
        "test/mp4/id00017/01dfn2spqyE/00002.mp4",
        "test/mp4/id00017/01dfn2spqyE/00003.mp4",
        "vox2_mp4/dev/id00018/x/00004.mp4",
        "intro.mp4",
    ])
    .with("dev/aac/id00012/21Uxsk56VDQ/00001.m4a", "")
    .with("test/mp4/id00017/01dfn2spqyE/00003.wav", "")
    .with("vox2_aac/dev/id00018/x/00004.m4a", "");
    let result = set.scan(Layout::VoxCeleb2);
    assert_lines(
        &result.rows,
        &[
            "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4|0|train|RVRA||id00012|dev/mp4/id00012/21Uxsk56VDQ/00001.mp4|",
            "test/mp4/id00017/01dfn2spqyE/00002.mp4|0|test|RVRA||id00017|test/mp4/id00017/01dfn2spqyE/00002.mp4|",
            "test/mp4/id00017/01dfn2spqyE/00003.mp4|0|test|RVRA||id00017|test/mp4/id00017/01dfn2spqyE/00003.mp4|",
            "vox2_mp4/dev/id00018/x/00004.mp4|0|train|RVRA||id00018|vox2_mp4/dev/id00018/x/00004.mp4|",
        ],
    );
    assert_lines(&result.problems, &["unlisted intro.mp4"]);
    assert_eq!((result.summary.separate_audio, result.summary.missing_audio), (Some(3), Some(1)));
}

#[test]
fn lrs3() {
    let set = Set::new(&[
        "lrs3/pretrain/00j9bKdiOjk/00001.mp4",
        "lrs3/trainval/0Fi83BHQsMA/50001.mp4",
        "lrs3/test/0Fi83BHQsMB/00002.mp4",
        "lrs3/test/0Fi83BHQsMB/cover.mp4",
    ])
    .with("lrs3/test/0Fi83BHQsMB/00002.txt", "Text:  WELCOME\n");
    let result = set.scan(Layout::Lrs3);
    assert_lines(
        &result.rows,
        &[
            "lrs3/pretrain/00j9bKdiOjk/00001.mp4|0|train|RVRA||00j9bKdiOjk|lrs3/pretrain/00j9bKdiOjk/00001.mp4|en|pretrain",
            "lrs3/test/0Fi83BHQsMB/00002.mp4|0|test|RVRA||0Fi83BHQsMB|lrs3/test/0Fi83BHQsMB/00002.mp4|en|test",
            "lrs3/trainval/0Fi83BHQsMA/50001.mp4|0|train|RVRA||0Fi83BHQsMA|lrs3/trainval/0Fi83BHQsMA/50001.mp4|en|trainval",
        ],
    );
    assert_lines(&result.problems, &["unlisted lrs3/test/0Fi83BHQsMB/cover.mp4"]);
}

#[test]
fn kinetics_400() {
    let clip = "train/riding a bike/-_a1-_Zx_00_000010_000020.mp4";
    let set = Set::new(&[clip, "val/b_000001_000011.mp4", "test/c_000000_000010.mp4", "d.mp4"])
        .with(
            "annotations/train.csv",
            "label,youtube_id,time_start,time_end,split,is_cc\r\n\
             riding a bike,-_a1-_Zx_00,10,20,train,0\r\n\
             \"eating, slowly\",gone,5.0,15.0,train,1\r\n\
             riding a bike,../x,5,15,train,1\r\n\
             riding a bike,y,five,15,train,1\r\n",
        )
        .with(
            "annotations/val.csv",
            "label,youtube_id,time_start,time_end,split\nyoga,b,1,11,validate\n",
        )
        .with("annotations/test.csv", "youtube_id,time_start,time_end,split\nc,0,10,test\n");
    let result = set.scan(Layout::Kinetics400);
    assert_lines(
        &result.rows,
        &[
            "test/c_000000_000010.mp4|0|test|RVRA||c|test/c_000000_000010.mp4||",
            &format!("{clip}|0|train|RVRA||-_a1-_Zx_00|{clip}||riding a bike"),
            "val/b_000001_000011.mp4|0|val|RVRA||b|val/b_000001_000011.mp4||yoga",
        ],
    );
    assert_lines(
        &result.problems,
        &[
            "missing eating, slowly/gone_000005_000015.mp4",
            "refused annotations/train.csv: line 4: the video is `../x`",
            "refused annotations/train.csv: line 5: a time of `five`",
            "unlisted d.mp4",
        ],
    );
}

#[test]
fn kinetics_400_without_tables() {
    let set = Set::new(&[
        "train/yoga/a_b_000010_000020.mp4",
        "val/c_000000_000010.mp4",
        "yoga/d_000000_000010.mp4",
        "yoga/e_0_10.mp4",
    ]);
    let result = set.scan(Layout::Kinetics400);
    assert_lines(
        &result.rows,
        &[
            "train/yoga/a_b_000010_000020.mp4|0|train|RVRA||a_b|train/yoga/a_b_000010_000020.mp4||yoga",
            "val/c_000000_000010.mp4|0|val|RVRA||c|val/c_000000_000010.mp4||",
            "yoga/d_000000_000010.mp4|0||RVRA||d|yoga/d_000000_000010.mp4||yoga",
        ],
    );
    assert_lines(&result.problems, &["unlisted yoga/e_0_10.mp4"]);
}
