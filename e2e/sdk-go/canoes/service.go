package canoes

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"outrigger/e2e/sdk-go/inbox"
)

// Service is the app's own service; what drifts is told to the inbox.
type Service struct {
	UnimplementedCanoesServer
	Inbox *inbox.Inbox
}

func (s *Service) Get(ctx context.Context, request *GetRequest) (*Canoe, error) {
	if request.GetName() != "Hokulea" {
		if err := grpc.SetTrailer(ctx, metadata.Pairs("canoe-hint", "ask for Hokulea")); err != nil {
			return nil, err
		}
		return nil, status.Errorf(codes.NotFound, "no canoe is called %s", request.GetName())
	}
	if caller := metadata.ValueFromIncomingContext(ctx, "canoe-caller"); len(caller) > 0 {
		if err := grpc.SetHeader(ctx, metadata.Pairs("canoe-caller", caller[0])); err != nil {
			return nil, err
		}
	}
	return &Canoe{Name: request.GetName(), Number: 1}, nil
}

func (s *Service) List(request *ListRequest, stream grpc.ServerStreamingServer[Canoe]) error {
	for number := range request.GetCount() {
		canoe := &Canoe{Name: fmt.Sprintf("canoe %d", number), Number: number, Sail: make([]byte, 1000)}
		if err := stream.Send(canoe); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) Load(stream grpc.ClientStreamingServer[Cargo, Total]) error {
	total := &Total{}
	for {
		cargo, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(total)
		}
		if err != nil {
			return err
		}
		total.Kilograms += cargo.GetKilograms()
		total.Pieces++
	}
}

func (s *Service) Paddle(stream grpc.BidiStreamingServer[Stroke, Position]) error {
	metres := int32(0)
	for {
		stroke, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		metres += stroke.GetMetres()
		if err := stream.Send(&Position{Metres: metres}); err != nil {
			return err
		}
	}
}

func (s *Service) Drift(ctx context.Context, _ *GetRequest) (*Canoe, error) {
	s.Inbox.Add("drift", inbox.Item{})
	<-ctx.Done()
	s.Inbox.Add("drift-ended", inbox.Item{})
	return nil, ctx.Err()
}
