package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

var apiServices = []string{
	"v1beta1.custom.metrics.k8s.io", "v1beta2.custom.metrics.k8s.io", "v1beta1.external.metrics.k8s.io"}

// apiService has what we read of one.
type apiService struct {
	Spec struct {
		CABundle []byte `json:"caBundle"`
	} `json:"spec"`
	Status struct {
		Conditions []struct{ Type, Status, Reason, Message string } `json:"conditions"`
	} `json:"status"`
}

func apiServiceNamed(name string) (*apiService, error) {
	body, err := raw(context.Background(), "/apis/apiregistration.k8s.io/v1/apiservices/"+name)
	if err != nil {
		return nil, err
	}
	read := &apiService{}
	return read, json.Unmarshal(body, read)
}

// expectCondition compares `Available=True Passed`.
func expectCondition(name, wanted string) error {
	found, err := apiServiceNamed(name)
	if err != nil {
		return err
	}
	for _, c := range found.Status.Conditions {
		if c.Type+"="+c.Status+" "+c.Reason == wanted || c.Type+"="+c.Status == wanted {
			return nil
		}
	}
	return fmt.Errorf("APIService %s has %+v, wanted %s", name, found.Status.Conditions, wanted)
}

func allAvailable() (err error) {
	for _, name := range apiServices {
		err = errors.Join(err, expectCondition(name, "Available=True Passed"))
	}
	return err
}

func noneAvailable() (err error) {
	for _, name := range apiServices {
		err = errors.Join(err, expectCondition(name, "Available=False"))
	}
	return err
}

// raw asks kube-apiserver as an administrator.
func raw(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	body, err := client.CoreV1().RESTClient().Get().RequestURI(path).DoRaw(ctx)
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		err = fmt.Errorf("%s: %s", path, status.Status().Message)
	}
	return body, err
}
