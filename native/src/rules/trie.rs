//! Trie: which of many texts a value begins with.

/// A byte that leads from one node to another.
#[derive(Clone, Copy)]
struct Edge {
    byte: u8,
    to: u32,
}

#[derive(Clone, Copy, Default)]
struct Node {
    edges: (u32, u32),
    found: (u32, u32),
}

/// Texts, each with what it stands for.
#[derive(Default)]
pub struct Trie {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    found: Vec<u32>,
}

impl Trie {
    /// Of (text, what it stands for); a text may come more than once.
    pub fn new(mut entries: Vec<(Vec<u8>, u32)>) -> Self {
        entries.sort();
        entries.dedup();
        let mut trie = Self::default();
        if !entries.is_empty() {
            trie.nodes.push(Node::default());
            trie.fill(&entries);
        }
        trie
    }

    /// Breadth first, so that a node's edges lie side by side.
    fn fill(&mut self, entries: &[(Vec<u8>, u32)]) {
        let mut ahead = std::collections::VecDeque::from([(0_usize, entries, 0_usize)]);
        while let Some((node, mut entries, depth)) = ahead.pop_front() {
            let ended = entries
                .iter()
                .take_while(|(text, _)| text.len() == depth)
                .count();
            let from = self.found.len() as u32;
            self.found
                .extend(entries[..ended].iter().map(|(_, what)| *what));
            self.nodes[node].found = (from, self.found.len() as u32);
            entries = &entries[ended..];
            let first_edge = self.edges.len() as u32;
            while let Some((text, _)) = entries.first() {
                let byte = text[depth];
                let same = entries
                    .iter()
                    .take_while(|(text, _)| text[depth] == byte)
                    .count();
                let to = self.nodes.len();
                self.nodes.push(Node::default());
                self.edges.push(Edge {
                    byte,
                    to: to as u32,
                });
                ahead.push_back((to, &entries[..same], depth + 1));
                entries = &entries[same..];
            }
            self.nodes[node].edges = (first_edge, self.edges.len() as u32);
        }
    }

    /// What all texts stand for that the bytes begin with.
    pub fn find(&self, bytes: impl Iterator<Item = u8>, found: &mut Vec<u32>) {
        let Some(mut node) = self.nodes.first() else {
            return;
        };
        self.take(node, found);
        for byte in bytes {
            let edges = &self.edges[node.edges.0 as usize..node.edges.1 as usize];
            let Some(edge) = edges.iter().find(|edge| edge.byte == byte) else {
                return;
            };
            node = &self.nodes[edge.to as usize];
            self.take(node, found);
        }
    }

    fn take(&self, node: &Node, found: &mut Vec<u32>) {
        found.extend_from_slice(&self.found[node.found.0 as usize..node.found.1 as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_the_value_begins_with_is_found() {
        let texts = ["a", "ab", "abc", "b", "abd", "a", ""];
        let entries = texts
            .iter()
            .zip(0..)
            .map(|(text, what)| (text.as_bytes().to_vec(), what))
            .collect();
        let trie = Trie::new(entries);
        let find = |text: &str| {
            let mut found = Vec::new();
            trie.find(text.bytes(), &mut found);
            found.sort_unstable();
            found
        };
        assert_eq!(find("abcx"), [0, 1, 2, 5, 6]);
        assert_eq!(find("b"), [3, 6]);
        assert_eq!(find("x"), [6]);
        assert_eq!(find(""), [6]);
        let mut found = Vec::new();
        Trie::default().find("a".bytes(), &mut found);
        assert!(found.is_empty());
    }
}
