package cairn.server.scrub;

import cairn.server.storage.OrdinalSet;
import java.util.List;
import java.util.Optional;

/**
 * What is damaged, as far as anybody knows.
 *
 * @param damagedItems that something can ask for and nobody can read, all of them; also those that are in no place
 * @param unusedItems how many of them are in no tree
 * @param items the first of them, at most {@link Findings#ITEMS_MAX}
 * @param disks what they are part of, at most {@link Findings#DISKS_MAX}
 * @param damagedDisks how many there are
 * @param problems everything else that is wrong, at most {@link Findings#PROBLEMS_MAX}
 * @param problemsFound how many there are
 */
public record Damage(
        long damagedItems,
        long unusedItems,
        List<Item> items,
        List<Disk> disks,
        long damagedDisks,
        List<String> problems,
        long problemsFound) {
    /** Instead of an ordinal: the index does not know the item. */
    public static final long NOWHERE = -1;
    public static final Damage NONE = new Damage(0, 0, List.of(), List.of(), 0, List.of(), 0);

    /** Where a damaged item is used. */
    public record Use(String disk, long offset, long lengthBytes) {}

    /**
     * @param ordinal where it lies, or {@link #NOWHERE}
     * @param item its kind and id
     * @param uses the first of them, at most {@link Findings#USES_MAX}
     */
    public record Item(long ordinal, String item, String why, List<Use> uses) {
        Item withUses(List<Use> newUses) {
            return new Item(ordinal, item, why, List.copyOf(newUses));
        }
    }

    /** Some bytes of a disk that cannot be read. */
    public record Range(long offset, long lengthBytes) {}

    /** An image that has a disk. */
    public record ImageName(String id, String name, String owner) {}

    /**
     * @param kind what keeps it: a snapshot, a volume, and so on
     * @param owner empty where nobody owns it
     * @param ranges in ascending order, neighbours joined; at most {@link Findings#RANGES_MAX}
     * @param damagedRanges how many there are
     */
    public record Disk(
            String id,
            String kind,
            Optional<String> owner,
            List<ImageName> images,
            List<Range> ranges,
            long damagedRanges,
            long damagedBytes) {}

    public Damage {
        items = List.copyOf(items);
        disks = List.copyOf(disks);
        problems = List.copyOf(problems);
    }

    public boolean foundNothing() {
        return damagedItems == 0 && problemsFound == 0;
    }

    /** What is left once all but these have been healed. Ranges stay as found until the next look at all trees. */
    Damage onlyAt(OrdinalSet stillDamaged) {
        List<Item> left = items.stream()
                .filter(item -> item.ordinal == NOWHERE || stillDamaged.contains(item.ordinal))
                .toList();
        boolean areAllListed = items.size() == damagedItems;
        if (!areAllListed || left.size() == items.size()) {
            return this;
        }
        List<Disk> leftDisks = disks.stream()
                .filter(disk -> left.stream().anyMatch(item -> item.uses.size() == Findings.USES_MAX
                        || item.uses.stream().anyMatch(use -> use.disk.equals(disk.id))))
                .toList();
        return new Damage(
                left.size(),
                left.stream().filter(item -> item.uses.isEmpty()).count(),
                left,
                leftDisks,
                leftDisks.size(),
                problems,
                problemsFound);
    }
}
