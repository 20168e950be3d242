module freshet/deploy/check/cloudrun

go 1.26.8

require (
	cloud.google.com/go/run v1.22.0
	freshet v0.0.0
	google.golang.org/api v0.287.1
)

replace freshet => ../../..
