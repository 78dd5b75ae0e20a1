package cairn.bench;

import cairn.cli.Sizes;
import cairn.cli.Table;
import java.util.List;
import java.util.Locale;

/** What it takes to find, and to keep, what has changed of a disk. */
record ChangesReport(Machine machine, int runs, List<Row> rows) implements Report {
    /**
     * One kind of change.
     *
     * @param work {@value ChangesCommand#DIFF} or {@value ChangesCommand#SNAPSHOT}
     * @param diskBytes none of them in a hole
     * @param pieceBytes how much lies together that has changed
     * @param changedBytes in whole chunks, where trees are compared; that were written, where a volume is
     * @param percent of the disk
     * @param answered until the snapshot's moment was taken; null for trees
     * @param millis until all is done
     */
    record Row(
            String work,
            long diskBytes,
            long pieceBytes,
            long changedBytes,
            double percent,
            Spread answered,
            Spread millis) {}

    @Override
    public List<Part> parts() {
        return List.of(new Part(table(), remarks()));
    }

    private Table table() {
        Table table = new Table("WORK", ">DISK", ">CHANGED", ">PERCENT", ">IN PIECES OF", ">ANSWERED MS", ">DONE MS");
        for (Row row : rows) {
            table.row(
                    row.work,
                    Sizes.bytes(row.diskBytes),
                    Sizes.bytes(row.changedBytes),
                    String.format(Locale.ROOT, "%.2f", row.percent),
                    Sizes.bytes(row.pieceBytes),
                    row.answered == null ? null : row.answered.shown(1),
                    row.millis.shown(1));
        }
        return table;
    }

    private List<String> remarks() {
        return List.of(
                "Median of " + runs + " runs (least-most) after one that is not counted. Disks without holes.",
                "Diff: our API's answers to `cairn diff`, of two snapshots of a made-up store, pages warm.",
                "Snapshot: of a volume that was written to since it was made of its image, blocks of 4 KiB by fio;"
                        + " answered when its moment is taken, done when it is completed.",
                machine.shown());
    }
}
