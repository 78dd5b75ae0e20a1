package cairn.api;

import cairn.Text;
import cairn.api.ScrubMessages.Damage;
import cairn.api.ScrubMessages.DamagedDisk;
import cairn.api.ScrubMessages.DamagedItem;
import cairn.api.ScrubMessages.Result;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What is damaged, for people. */
public final class DamageText {
    private static final int ITEMS_MAX = 20;
    /** A reason names the item, the cause and the file. */
    private static final int REASON_CHARS_MAX = 500;

    private DamageText() {}

    /** How a scrub has ended. */
    public static String summary(Result last) {
        boolean isClean = last.damagedItems() == 0 && last.damagedDisks() == 0 && last.problems() == 0;
        return isClean
                ? "all well"
                : count(last.damagedItems(), "damaged item") + " in " + count(last.damagedDisks(), "disk")
                        + (last.problems() == 0 ? "" : ", " + count(last.problems(), "other problem"));
    }

    /** Each disk with what cannot be read of it, some items, and whatever else is wrong; none where nothing is. */
    public static List<String> findings(Damage damage) {
        List<String> lines = new ArrayList<>();
        damage.disks().forEach(disk -> lines.add(line(disk)));
        if (damage.damagedDisks() > damage.disks().size()) {
            lines.add("and " + count(damage.damagedDisks() - damage.disks().size(), "more disk"));
        }
        List<DamagedItem> items = damage.items();
        items.stream()
                .limit(ITEMS_MAX)
                .forEach(item -> lines.add(item.item() + ": " + Text.shown(item.why(), REASON_CHARS_MAX)));
        if (damage.damagedItems() > Math.min(ITEMS_MAX, items.size())) {
            lines.add("and " + count(damage.damagedItems() - Math.min(ITEMS_MAX, items.size()), "more item"));
        }
        damage.problems().forEach(problem -> lines.add(Text.shown(problem, REASON_CHARS_MAX)));
        return lines;
    }

    /** What to do about it. */
    public static List<String> advice(Damage damage) {
        List<String> lines = new ArrayList<>();
        if (damage.damagedItems() > 0) {
            lines.add(count(damage.damagedItems(), "item") + " cannot be read"
                    + (damage.unusedItems() == 0
                            ? "."
                            : ", " + String.format(Locale.ROOT, "%,d", damage.unusedItems())
                                    + " of them part of no disk, or below a page that cannot be read."));
            lines.add("To heal: with the server running, push the image again by `cairn push FILE --name NAME`, or any"
                    + " disk that has these bytes, from the account that owns it; then run `cairn scrub`.");
        }
        if (damage.problems().stream().anyMatch(problem -> problem.contains("--rebuild-index"))) {
            lines.add(
                    "To make the index anew, stop the server and run `cairn fsck --rebuild-index`; no data changes.");
        }
        return lines;
    }

    private static String line(DamagedDisk disk) {
        String images = disk.images().stream()
                .map(image -> image.id() + " \"" + image.name() + "\" of " + image.owner())
                .collect(Collectors.joining(", "));
        String ranges = disk.ranges().stream()
                .map(range -> range.offset() + "+" + range.lengthBytes())
                .collect(Collectors.joining(", "));
        return disk.kind() + ' ' + disk.id() + (images.isEmpty() ? "" : ", of " + images) + ": " + disk.damagedBytes()
                + " bytes cannot be read: " + ranges
                + (disk.damagedRanges() > disk.ranges().size() ? ", and more" : "");
    }

    private static String count(long number, String one) {
        return String.format(Locale.ROOT, "%,d ", number) + one + (number == 1 ? "" : "s");
    }
}
