package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Holds docs/compatibility.md against the descriptions of EC2's operations. */
class CompatibilityTest {
    private static final Path DOCUMENT = Path.of("..", "docs", "compatibility.md");
    private static final String BEGIN =
            "<!-- Begin: made from store-server's *.operations; CompatibilityTest says how. -->\n";
    private static final String END = "\n<!-- End of what is made from *.operations. -->";
    private static final String WRITE = "cairn.docs.write";
    private static final String HOW = "docs/compatibility.md is not what the descriptions say; mvn -pl store-server -am test"
            + " -Dtest=CompatibilityTest -Dsurefire.failIfNoSpecifiedTests=false -D" + WRITE + " writes it anew";

    @Test
    void theDocumentSaysWhatTheDescriptionsSay() throws IOException {
        String written = Files.readString(DOCUMENT);
        int begin = written.indexOf(BEGIN) + BEGIN.length();
        int end = written.indexOf(END);
        String expected = written.substring(0, begin) + Compatibility.write(Descriptions.read()) + written.substring(end);

        if (System.getProperty(WRITE) != null) {
            Files.writeString(DOCUMENT, expected);
        }

        assertEquals(expected, Files.readString(DOCUMENT), HOW);
    }
}
