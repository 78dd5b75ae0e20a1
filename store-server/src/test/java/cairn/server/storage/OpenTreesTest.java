package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.Digest;
import cairn.server.storage.OpenTrees.Tree;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.Test;

class OpenTreesTest {
    private static final Tree TREE = new Tree(new DomainId(1), TreeRoot.of(512, Digest.ZERO));

    private final OpenTrees trees = new OpenTrees();

    @Test
    void aTreeIsOpenAsLongAsAnybodyReadsIt() {
        OpenTrees.Reading one = trees.open(TREE.domain(), TREE.root());
        OpenTrees.Reading other = trees.open(TREE.domain(), TREE.root());

        one.close();
        one.close();
        assertEquals(List.of(TREE), open());
        other.close();
        assertEquals(List.of(), open());
    }

    @Test
    void aTreeIsOpenBeforeItsRecordIsReadForGood() {
        List<List<Tree>> seen = new ArrayList<>();

        List<Tree> during = trees.reading(
                () -> {
                    seen.add(open());
                    return TREE;
                },
                tree -> tree,
                tree -> open());

        assertEquals(List.of(List.of(), List.of(TREE)), seen);
        assertEquals(List.of(TREE), during);
        assertEquals(List.of(), open());
    }

    @Test
    void nothingIsDoneWithATreeWhoseRecordGoesMeanwhile() {
        Iterator<Tree> once = List.of(TREE).iterator();

        assertThrows(NoSuchElementException.class, () -> trees.reading(once::next, tree -> tree, tree -> {
            throw new AssertionError("it is gone");
        }));
        assertEquals(List.of(), open());
    }

    private List<Tree> open() {
        List<Tree> open = new ArrayList<>();
        trees.forEach((domain, root) -> open.add(new Tree(domain, root)));
        return open;
    }
}
