package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.Region;
import cairn.sigv4.Credentials;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.SignableRequest.Header;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Does of EBS direct what a measurement needs, with little work of its own. Safe for threads. */
final class EbsClient {
    static final int BLOCK_BYTES = 512 << 10;

    private static final String CHECKSUM = "x-amz-checksum";
    private static final String ALGORITHM = "x-amz-checksum-algorithm";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final URI endpoint;
    private final SigV4Signer signer;
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    EbsClient(URI endpoint, Credentials credentials) {
        this.endpoint = endpoint;
        this.signer = new SigV4Signer(credentials, Region.LOCAL.name(), "ebs", Clock.systemUTC());
    }

    /** @return the new snapshot's id */
    String start(long sizeGib) {
        String body = "{\"VolumeSize\":" + sizeGib + ",\"ClientToken\":\"" + System.nanoTime() + "\"}";
        return json(send("POST", "/snapshots", "", Map.of(), body.getBytes(StandardCharsets.UTF_8)))
                .get("SnapshotId")
                .textValue();
    }

    void put(String snapshot, int index, byte[] block) {
        send("PUT", "/snapshots/" + snapshot + "/blocks/" + index, "",
                Map.of(
                        "x-amz-data-length", String.valueOf(block.length),
                        CHECKSUM, checksum(block),
                        ALGORITHM, "SHA256"),
                block);
    }

    void complete(String snapshot, int blocks) {
        JsonNode answer = json(send("POST", "/snapshots/completion/" + snapshot, "",
                Map.of("x-amz-changedblockscount", String.valueOf(blocks)), new byte[0]));
        if (!answer.get("Status").textValue().equals("completed")) {
            throw new StoreException(Fault.INTERNAL, snapshot + " is " + answer);
        }
    }

    /** Block index to token. */
    Map<Integer, String> list(String snapshot) {
        Map<Integer, String> tokens = new TreeMap<>();
        String page = "";
        do {
            JsonNode answer = json(send("GET", "/snapshots/" + snapshot + "/blocks",
                    "maxResults=10000" + (page.isEmpty() ? "" : "&pageToken=" + encoded(page)), Map.of(), new byte[0]));
            answer.get("Blocks").forEach(
                    block -> tokens.put(block.get("BlockIndex").intValue(), block.get("BlockToken").textValue()));
            page = answer.path("NextToken").asText("");
        } while (!page.isEmpty());
        return tokens;
    }

    /** Reads a block and proves it by its checksum. */
    byte[] get(String snapshot, int index, String token) {
        HttpResponse<byte[]> answer = send("GET", "/snapshots/" + snapshot + "/blocks/" + index,
                "blockToken=" + encoded(token), Map.of(), new byte[0]);
        if (!checksum(answer.body()).equals(answer.headers().firstValue(CHECKSUM).orElse(""))) {
            throw new StoreException(Fault.CORRUPT, "block " + index + " of " + snapshot + " is not what was promised");
        }
        return answer.body();
    }

    private HttpResponse<byte[]> send(
            String method, String path, String query, Map<String, String> own, byte[] body) {
        List<Header> headers = new ArrayList<>(List.of(new Header("host", endpoint.getAuthority())));
        own.forEach((name, value) -> headers.add(new Header(name, value)));
        List<Header> added = signer.sign(new SignableRequest(method, path, query, headers, PayloadHash.UNSIGNED));
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        endpoint.resolve(path + (query.isEmpty() ? "" : '?' + query)))
                .method(method, body.length == 0 ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
        own.forEach(request::header);
        added.forEach(header -> request.header(header.name(), header.value()));
        try {
            HttpResponse<byte[]> answer = http.send(request.build(), BodyHandlers.ofByteArray());
            if (answer.statusCode() >= 300) {
                throw new StoreException(
                        Fault.UNAVAILABLE,
                        method + ' ' + path + ": " + answer.statusCode() + ' '
                                + new String(answer.body(), StandardCharsets.UTF_8));
            }
            return answer;
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, method + ' ' + path + ": " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.UNAVAILABLE, "interrupted", e);
        }
    }

    private static JsonNode json(HttpResponse<byte[]> answer) {
        try {
            return JSON.readTree(answer.body());
        } catch (IOException e) {
            throw new StoreException(Fault.CORRUPT, "no JSON: " + e.getMessage(), e);
        }
    }

    private static String encoded(String value) {
        return URLEncoder.encode(value, StandardCharsets.UTF_8);
    }

    private static String checksum(byte[] block) {
        try {
            return Base64.getEncoder().encodeToString(MessageDigest.getInstance("SHA-256").digest(block));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
