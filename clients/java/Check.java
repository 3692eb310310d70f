import java.io.IOException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Map;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;

/** The self-check: what it reads from the environment stands in ../README.md. */
public final class Check {
    public static void main(String[] none) throws IOException {
        Map<String, String> told = System.getenv();
        String base = told.get("FENGSUI_URL"), application = told.get("FENGSUI_APPLICATION");
        StringBuilder line = new StringBuilder("{\"client\":\"java\"");
        if (told.containsKey("FENGSUI_TOKEN")) {
            line.append(",\"bearer\":").append(
                    round(new FengsuiClient(base, application, told.get("FENGSUI_TOKEN"), null), told));
        }
        if (told.containsKey("FENGSUI_KEY_FILE")) {
            ECPrivateKeyParameters key = FengsuiClient.loadKey(told.get("FENGSUI_KEY_FILE"));
            line.append(",\"signed\":").append(
                    round(new FengsuiClient(base, application, null, key), told));
        }
        System.out.println(line.append("}"));
    }

    private static String round(FengsuiClient client, Map<String, String> told) throws IOException {
        String name = told.get("FENGSUI_SIGN_KEY"), box = told.get("FENGSUI_BOX_KEY");
        byte[] message = new byte[100];
        new SecureRandom().nextBytes(message);
        FengsuiClient.Signature made = client.sign(name, message);
        boolean serviceSigns = FengsuiClient.verifyLocally(client.publicKey(name, made.version), message, made.signature);
        ECPrivateKeyParameters own = FengsuiClient.generateKey();
        client.verify(FengsuiClient.publicOf(own), message, FengsuiClient.sign(own, message, FengsuiClient.DEFAULT_ID));
        byte[] opened = client.decrypt(box, FengsuiClient.encryptLocally(client.publicKey(box, 0), message));
        boolean digest = Arrays.equals(client.digest(message), FengsuiClient.sm3(message));
        String wrong = "";
        try {
            client.verify(name, Arrays.copyOf(message, 99), made.signature);
        } catch (FengsuiClient.Refused refused) {
            wrong = refused.code;
        }
        return "{\"service_signs\":" + serviceSigns + ",\"client_signs\":true,\"client_encrypts\":"
                + Arrays.equals(opened, message) + ",\"digest\":" + digest + ",\"wrong_signature\":\"" + wrong + "\"}";
    }
}
