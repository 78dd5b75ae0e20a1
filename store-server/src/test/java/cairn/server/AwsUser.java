package cairn.server;

import cairn.client.StoreClient;
import cairn.image.Region;
import cairn.sigv4.Credentials;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.rbin.RbinClient;

/**
 * Somebody with an access key who talks to a store as to AWS: through the AWS SDK for Java, unchanged, and through the
 * AWS CLI. Requests are tried once, so that a test sees each failure.
 */
public record AwsUser(URI endpoint, Credentials credentials, Region region) {

    /** The same somebody in another region. */
    public AwsUser in(String otherRegion) {
        return new AwsUser(endpoint, credentials, new Region(otherRegion));
    }

    public Ec2Client ec2() {
        return built(Ec2Client.builder(), UrlConnectionHttpClient.builder());
    }

    public EbsClient ebs() {
        return built(EbsClient.builder(), UrlConnectionHttpClient.builder());
    }

    public RbinClient rbin() {
        // The JDK's own has no PATCH.
        return built(RbinClient.builder(), ApacheHttpClient.builder());
    }

    private <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C built(
            B builder, SdkHttpClient.Builder<?> http) {
        builder.endpointOverride(endpoint)
                .region(software.amazon.awssdk.regions.Region.of(region.name()))
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(credentials.accessKeyId(), credentials.secretAccessKey())))
                .httpClientBuilder(http)
                .overrideConfiguration(settings -> settings.retryStrategy(AwsRetryStrategy.doNotRetry()));
        return builder.build();
    }

    /** The same somebody at our own API. */
    public StoreClient store() {
        return new StoreClient(endpoint, credentials, region, StoreClient.Limits.usual());
    }

    /**
     * Runs {@code aws}, which answers in JSON.
     *
     * @param arguments as after {@code aws}, without endpoint, region and credentials
     */
    public Tools.Output aws(String... arguments) throws IOException, InterruptedException {
        Tools.require("aws");
        return awsBy("aws", arguments);
    }

    /** As {@link #aws}, by one of several versions of it. @param path of the program */
    Tools.Output awsBy(String path, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(path, "--endpoint-url", endpoint.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder program = new ProcessBuilder(command);
        Map<String, String> environment = program.environment();
        environment.keySet().removeIf(name -> name.startsWith("AWS_"));
        environment.put("AWS_ACCESS_KEY_ID", credentials.accessKeyId());
        environment.put("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey());
        environment.put("AWS_DEFAULT_REGION", region.name());
        environment.put("AWS_DEFAULT_OUTPUT", "json");
        environment.put("AWS_MAX_ATTEMPTS", "1");
        environment.put("AWS_PAGER", "");
        environment.put("AWS_CONFIG_FILE", "/dev/null");
        environment.put("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        return Tools.run(program);
    }
}
