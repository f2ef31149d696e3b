//! Which path leads where: a tree of segments. A literal segment wins over a placeholder.

use std::collections::BTreeMap;

/// Paths and methods, each with its target.
#[derive(Clone, Debug)]
pub struct Routes<T> {
    root: Node<T>,
}

#[derive(Clone, Debug)]
struct Node<T> {
    literals: BTreeMap<String, Node<T>>,
    placeholder: Option<Box<Node<T>>>,
    /// By method: the names of the placeholders on the way, and the target.
    targets: BTreeMap<&'static str, (Vec<&'static str>, T)>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { literals: BTreeMap::new(), placeholder: None, targets: BTreeMap::new() }
    }
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

/// Where a request leads.
#[derive(Debug, PartialEq)]
pub enum Found<'a, T> {
    /// There; with the values of the path's placeholders, by name.
    Route(&'a T, BTreeMap<&'static str, String>),
    /// The path takes these methods only.
    Methods(Vec<&'static str>),
    /// Nowhere.
    Nothing,
}

impl<T> Routes<T> {
    /// Adds `method path`; false where it is taken already.
    pub fn add(&mut self, method: &'static str, path: &'static str, target: T) -> bool {
        let mut node = &mut self.root;
        let mut names = Vec::new();
        for segment in path.split('/').filter(|it| !it.is_empty()) {
            node = match segment.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
                Some(name) => {
                    names.push(name);
                    node.placeholder.get_or_insert_default()
                }
                None => node.literals.entry(segment.to_owned()).or_default(),
            };
        }
        if node.targets.contains_key(method) {
            return false;
        }
        node.targets.insert(method, (names, target));
        true
    }

    /// Where `method` on the path of those segments leads.
    pub fn find(&self, method: &str, segments: &[String]) -> Found<'_, T> {
        let mut values = Vec::new();
        let Some(node) = self.root.find(segments, &mut values) else { return Found::Nothing };
        match node.targets.get(method) {
            Some((names, target)) => {
                let values = values.into_iter().map(ToOwned::to_owned);
                Found::Route(target, names.iter().copied().zip(values).collect())
            }
            None => Found::Methods(node.targets.keys().copied().collect()),
        }
    }
}

impl<T> Node<T> {
    fn find<'s>(&self, segments: &'s [String], values: &mut Vec<&'s str>) -> Option<&Self> {
        let Some((first, rest)) = segments.split_first() else {
            return (!self.targets.is_empty()).then_some(self);
        };
        if let Some(found) = self.literals.get(first).and_then(|node| node.find(rest, values)) {
            return Some(found);
        }
        let node = self.placeholder.as_ref()?;
        values.push(first);
        let found = node.find(rest, values);
        if found.is_none() {
            values.pop();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(routes: &'a Routes<u32>, method: &str, path: &str) -> Found<'a, u32> {
        routes.find(method, &crate::http::path::segments(path).unwrap())
    }

    #[test]
    fn literals_win_and_each_route_has_its_own_names() {
        let mut routes = Routes::default();
        assert!(routes.add("POST", "/orders", 1));
        assert!(routes.add("GET", "/orders/{id}", 2));
        assert!(routes.add("GET", "/orders/{order}/page", 3));
        assert!(routes.add("GET", "/orders/of_customer", 4));
        assert!(routes.add("POST", "/orders/{id}/cancel", 5));
        assert!(!routes.add("GET", "/orders/{other}", 6), "taken");
        assert_eq!(find(&routes, "GET", "/orders/7"), Found::Route(&2, [("id", "7".to_owned())].into()));
        assert_eq!(find(&routes, "GET", "/orders/7/page"), Found::Route(&3, [("order", "7".to_owned())].into()));
        assert_eq!(find(&routes, "GET", "/orders/of_customer"), Found::Route(&4, BTreeMap::new()));
        assert_eq!(
            find(&routes, "POST", "/orders/of_customer/cancel"),
            Found::Route(&5, [("id", "of_customer".to_owned())].into()),
            "a literal that leads nowhere gives way"
        );
        assert_eq!(find(&routes, "DELETE", "/orders/7"), Found::Methods(vec!["GET"]));
        assert_eq!(find(&routes, "GET", "/"), Found::Nothing);
        assert_eq!(find(&routes, "GET", "/orders/7/page/8"), Found::Nothing);
    }
}
