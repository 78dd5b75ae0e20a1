package cairn.server.scrub;

import cairn.image.AccountId;
import cairn.server.gc.Root;
import cairn.server.storage.ItemKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Says which bytes of which disk cannot be read. */
final class DamagedDisks {
    private final Findings findings;
    private final TreeCheck trees;

    DamagedDisks(Findings findings, TreeCheck trees) {
        this.findings = findings;
        this.trees = trees;
    }

    /** @param images by the snapshots that they are made of */
    Damage of(List<Root> broken, Map<String, List<Damage.ImageName>> images) {
        List<Damage.Disk> disks = new ArrayList<>();
        for (Root root : broken) {
            Ranges ranges = new Ranges(root);
            trees.ranges(root, ranges);
            if (disks.size() < Findings.DISKS_MAX) {
                disks.add(ranges.disk(images.getOrDefault(root.id(), List.of())));
            }
        }
        return findings.damage(disks, broken.size());
    }

    /** Joins neighbours, as they come in ascending order. */
    private final class Ranges implements TreeCheck.RangeSink {
        private final Root root;
        private final List<Damage.Range> listed = new ArrayList<>();
        private long count;
        private long damagedBytes;
        private long endOfLast = -1;

        Ranges(Root root) {
            this.root = root;
        }

        @Override
        public void damaged(long offset, long lengthBytes, long ordinal, ItemKey key) {
            findings.use(ordinal, key, new Damage.Use(root.id(), offset, lengthBytes));
            damagedBytes += lengthBytes;
            if (offset == endOfLast) {
                if (count <= Findings.RANGES_MAX) {
                    Damage.Range last = listed.remove(listed.size() - 1);
                    listed.add(new Damage.Range(last.offset(), last.lengthBytes() + lengthBytes));
                }
            } else {
                count++;
                if (count <= Findings.RANGES_MAX) {
                    listed.add(new Damage.Range(offset, lengthBytes));
                }
            }
            endOfLast = offset + lengthBytes;
        }

        Damage.Disk disk(List<Damage.ImageName> images) {
            return new Damage.Disk(
                    root.id(),
                    root.kind().name().toLowerCase(Locale.ROOT).replace('_', ' '),
                    root.account().map(AccountId::value),
                    images,
                    List.copyOf(listed),
                    count,
                    damagedBytes);
        }
    }
}
