package cairn.server.ec2;

import java.util.ArrayList;
import java.util.List;

/**
 * A file of descriptions, cut into blocks and lines; package-info tells what they mean.
 *
 * <p>A block begins with a line that is not indented. Lines of it are indented by two; what is indented deeper goes on
 * where the line before it ended. Lines that begin with # are comments.
 */
record DescriptionText(List<Block> blocks) {
    private static final String INDENT = "  ";

    /** A block. @param kind the first word of its first line @param name the second */
    record Block(String kind, String name, List<Line> lines, Line head) {}

    /** A line, with those that go on in it. @param place for messages */
    record Line(String place, String text) {
        List<String> words() {
            return List.of(text.split("\\s+"));
        }

        /** What is behind the first word. */
        String rest() {
            int at = text.indexOf(' ');
            return at < 0 ? "" : text.substring(at).strip();
        }

        IllegalStateException wrong(String why) {
            return new IllegalStateException(place + ": " + why + " in \"" + text + '"');
        }
    }

    static DescriptionText read(String file, String text) {
        List<Block> blocks = new ArrayList<>();
        int number = 0;
        for (String line : text.split("\n")) {
            number++;
            if (line.isBlank() || line.stripLeading().startsWith("#")) {
                continue;
            }
            Line stripped = new Line(file + ':' + number, line.strip());
            if (!line.startsWith(INDENT)) {
                blocks.add(block(stripped));
            } else if (blocks.isEmpty()) {
                throw stripped.wrong("a line outside of all blocks");
            } else {
                add(blocks.get(blocks.size() - 1).lines, stripped, line.startsWith(INDENT + ' '));
            }
        }
        return new DescriptionText(blocks);
    }

    private static Block block(Line head) {
        List<String> words = head.words();
        if (words.size() != 2) {
            throw head.wrong("expected a kind and a name");
        }
        return new Block(words.get(0), words.get(1), new ArrayList<>(), head);
    }

    private static void add(List<Line> lines, Line line, boolean isContinued) {
        if (!isContinued) {
            lines.add(line);
            return;
        }
        if (lines.isEmpty()) {
            throw line.wrong("nothing goes on here");
        }
        Line before = lines.remove(lines.size() - 1);
        lines.add(new Line(before.place, before.text + ' ' + line.text));
    }
}
