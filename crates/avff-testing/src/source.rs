//! Extracts the dependencies between the top-level modules of a crate from its tokens.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::graph::Graph;

/// A path as written, such as `crate::config::AvffConfig`.
type Segments = Vec<String>;

/// Returns for each top-level module the other modules that it names.
pub(crate) fn dependencies(src: &Path) -> Graph {
    let mut scan = Scan::default();
    scan.folder(src, &[]);
    let modules: BTreeSet<String> =
        scan.files.iter().filter_map(|file| file.first().cloned()).collect();
    // Names that the root re-exports belong to their source module.
    let mut exports: BTreeMap<String, String> = BTreeMap::new();
    for (module, path) in &scan.paths {
        if let ([], [first, .., last]) = (module.as_slice(), path.as_slice())
            && modules.contains(first)
        {
            exports.insert(last.clone(), first.clone());
        }
    }
    let mut graph: Graph = modules.iter().map(|module| (module.clone(), BTreeSet::new())).collect();
    for (module, path) in &scan.paths {
        let test = scan.tests.iter().any(|test| module.starts_with(test));
        let (Some(from), Some(name), false) = (module.first(), path.first(), test) else {
            continue;
        };
        let to = if modules.contains(name) { Some(name) } else { exports.get(name) };
        if let Some(to) = to.filter(|to| *to != from) {
            graph.entry(from.clone()).or_default().insert(to.clone());
        }
    }
    graph
}

#[derive(Default)]
struct Scan {
    /// The module of each file.
    files: Vec<Segments>,
    /// Modules compiled only for tests.
    tests: Vec<Segments>,
    /// Modules with the paths that they name, relative to the crate root.
    paths: Vec<(Segments, Segments)>,
}

impl Scan {
    fn folder(&mut self, folder: &Path, module: &[String]) {
        let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries {
            let path = entry.unwrap_or_else(|e| panic!("{}: {e}", folder.display())).path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let inner = [module, std::slice::from_ref(&stem)].concat();
            if path.is_dir() {
                if !(module.is_empty() && stem == "bin") {
                    self.folder(&path, &inner);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let root = module.is_empty() && (stem == "lib" || stem == "main");
                let module = if root || stem == "mod" { module.to_vec() } else { inner };
                let text = fs::read_to_string(&path);
                let text = text.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                let tokens = text.parse::<TokenStream>();
                let tokens = tokens.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                self.files.push(module.clone());
                self.tokens(tokens, &module);
            }
        }
    }

    fn tokens(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        let mut for_tests = false;
        while at < tokens.len() {
            let rest = &tokens[at..];
            if let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = rest
                && hash.as_char() == '#'
            {
                for_tests |= is_for_tests(attribute.stream());
                at += 2;
                continue;
            }
            if std::mem::take(&mut for_tests) {
                if let Some(name) = name_after(rest, "mod") {
                    self.tests.push([module, &[name]].concat());
                }
                at += item_length(rest);
                continue;
            }
            match &rest[0] {
                TokenTree::Ident(word) if word == "mod" => match rest {
                    [_, TokenTree::Ident(name), TokenTree::Group(body), ..] => {
                        self.tokens(body.stream(), &[module, &[name.to_string()]].concat());
                        at += 3;
                    }
                    _ => at += 1,
                },
                TokenTree::Ident(word) if word == "use" => {
                    let end = rest.iter().position(|token| is_punct(token, ';'));
                    let end = end.unwrap_or(rest.len());
                    let mut paths = Vec::new();
                    use_tree(&rest[1..end], &[], &mut paths);
                    for path in paths {
                        self.path(module, &path);
                    }
                    at += end;
                }
                TokenTree::Ident(word) if word == "crate" || word == "super" => {
                    let (path, length) = path(rest);
                    if path.len() > 1 {
                        self.path(module, &path);
                    }
                    at += length;
                }
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), module);
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// Records a path that a module names, relative to the crate root.
    fn path(&mut self, module: &[String], path: &[String]) {
        let mut base = module.to_vec();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => (base, rest) = (Vec::new(), &path[1..]),
            Some("self") => rest = &path[1..],
            Some("super") => {
                while let Some(("super", after)) =
                    rest.split_first().map(|(first, after)| (first.as_str(), after))
                {
                    base.pop();
                    rest = after;
                }
            }
            // Another crate, or a submodule.
            _ => {}
        }
        self.paths.push((module.to_vec(), [&base, rest].concat()));
    }
}

/// Returns whether an attribute is a `cfg` that requires `test`.
fn is_for_tests(attribute: TokenStream) -> bool {
    fn requires_test(tokens: TokenStream) -> bool {
        let mut negated = false;
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(word) => {
                negated = word == "not";
                word == "test"
            }
            TokenTree::Group(group) => {
                !std::mem::take(&mut negated) && requires_test(group.stream())
            }
            _ => false,
        })
    }
    let mut tokens = attribute.into_iter();
    matches!(tokens.next(), Some(TokenTree::Ident(word)) if word == "cfg")
        && requires_test(tokens.collect())
}

/// Returns the name after a keyword and an optional visibility.
fn name_after(item: &[TokenTree], keyword: &str) -> Option<String> {
    item.windows(2).take(3).find_map(|pair| match pair {
        [TokenTree::Ident(word), TokenTree::Ident(name)] if word == keyword => {
            Some(name.to_string())
        }
        _ => None,
    })
}

/// Returns the number of tokens of the item that starts here, up to its semicolon or braces.
fn item_length(item: &[TokenTree]) -> usize {
    let statement = ["use", "const", "static", "type"].iter().any(|word| {
        item.iter().take(3).any(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
    });
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => !statement && group.delimiter() == Delimiter::Brace,
        token => is_punct(token, ';') || (!statement && is_punct(token, ',')),
    };
    item.iter().position(ends).map_or(item.len(), |end| end + 1)
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

/// Returns the path that starts here, and its number of tokens.
fn path(tokens: &[TokenTree]) -> (Segments, usize) {
    let mut segments = Vec::new();
    let mut at = 0;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        segments.push(name.to_string());
        at += 1;
        match tokens.get(at..at + 3) {
            Some([one, two, TokenTree::Ident(_)]) if is_punct(one, ':') && is_punct(two, ':') => {
                at += 2;
            }
            _ => break,
        }
    }
    (segments, at)
}

/// Collects every path of a `use` item after `prefix`.
fn use_tree(tokens: &[TokenTree], prefix: &[String], paths: &mut Vec<Segments>) {
    for tree in tokens.split(|token| is_punct(token, ',')) {
        let mut segments = prefix.to_vec();
        let mut group = None;
        for token in tree {
            match token {
                TokenTree::Ident(word) if word == "as" => {}
                TokenTree::Ident(word) => segments.push(word.to_string()),
                TokenTree::Group(inner) => group = Some(inner.stream()),
                _ => {}
            }
        }
        match group {
            Some(inner) => {
                use_tree(&inner.into_iter().collect::<Vec<_>>(), &segments, paths);
            }
            None if !tree.is_empty() => paths.push(segments),
            None => {}
        }
    }
}
