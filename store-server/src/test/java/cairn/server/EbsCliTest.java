package cairn.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.storage.TestDisk;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** EBS direct through the AWS command line, unchanged. */
class EbsCliTest {
    private static final int BLOCK = EbsWriter.BLOCK;

    @TempDir
    Path folder;

    @Test
    void writesAndReadsASnapshot() throws Exception {
        Tools.require("aws");
        TestDisk disk = TestDisk.random(1, 2 * BLOCK);
        try (TestStore store = new TestStore(folder.resolve("data"))) {
            AwsUser root = store.root();
            String id = ebs(root, "start-snapshot", "--volume-size", "1", "--description", "by hand",
                    "--tags", "Key=k,Value=v").get("SnapshotId").asText();
            for (int index = 0; index < 2; index++) {
                byte[] block = EbsWriter.block(disk, index);
                Path file = Files.write(folder.resolve("block"), block);
                JsonNode written = ebs(root, "put-snapshot-block", "--snapshot-id", id,
                        "--block-index", Integer.toString(index), "--data-length", Integer.toString(BLOCK),
                        "--block-data", file.toString(), "--checksum", EbsWriter.checksum(block),
                        "--checksum-algorithm", "SHA256");
                assertEquals(EbsWriter.checksum(block), written.get("Checksum").asText());
            }
            assertEquals("completed", ebs(root, "complete-snapshot", "--snapshot-id", id,
                    "--changed-blocks-count", "2", "--checksum", EbsWriter.linear(disk, 2),
                    "--checksum-algorithm", "SHA256", "--checksum-aggregation-method", "LINEAR").get("Status").asText());

            JsonNode listed = ebs(root, "list-snapshot-blocks", "--snapshot-id", id, "--max-results", "100");
            assertEquals(2, listed.get("Blocks").size());
            for (JsonNode each : listed.get("Blocks")) {
                Path file = folder.resolve("read");
                ebs(root, "get-snapshot-block", "--snapshot-id", id,
                        "--block-index", each.get("BlockIndex").asText(),
                        "--block-token", each.get("BlockToken").asText(), file.toString());
                assertArrayEquals(EbsWriter.block(disk, each.get("BlockIndex").asInt()), Files.readAllBytes(file));
            }
            assertEquals(2, ebs(root, "list-changed-blocks", "--second-snapshot-id", id).get("ChangedBlocks").size());

            Tools.Output refused = root.aws("ebs", "list-snapshot-blocks", "--snapshot-id", "snap-0123456789abcdef0");
            assertTrue(refused.status() != 0 && refused.stderr().contains("ResourceNotFoundException"), refused.stderr());
        }
    }

    private static JsonNode ebs(AwsUser user, String... arguments) throws Exception {
        List<String> all = new ArrayList<>(List.of("ebs"));
        all.addAll(Arrays.asList(arguments));
        return new ObjectMapper().readTree(user.aws(all.toArray(String[]::new)).success());
    }
}
